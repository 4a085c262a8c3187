/**
 * Labels and annotations come from anywhere; in a chat they must stay text. No mention of everybody,
 * no link that says one thing and opens another, no tag.
 */

/** For Slack, which reads these three characters, and nothing else, as entities. */
export function escapeSlack(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}

const calmCharacters: Record<string, string> = {
  '<': '＜',
  '>': '＞',
  '[': '［',
  ']': '］',
  '`': 'ˋ',
}

/** For dialects of Markdown that know no escaping: characters that look alike and do nothing. */
export function calmMarkup(text: string): string {
  return text
    .replace(/[<>[\]`]/g, (character) => calmCharacters[character]!)
    .replace(/@(?=(?:all|channel|everyone|here)(?![\w.]))/gi, '＠')
}

/** HTML as plain text, for services that take no more of it. */
export function stripHtml(html: string): string {
  return html
    .replace(/<[^>]*>/g, '')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&#34;|&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&#43;/g, '+')
    .replace(/&amp;/g, '&')
}
