/** The few words that messages have outside their templates, such as those on buttons, by language. */

/** Languages of messages. */
export const languages = ['en', 'zh'] as const

/** A language of messages. */
export type Language = (typeof languages)[number]

/** What buttons and frames of messages say. */
export interface MessageWords {
  acknowledge: string
  silence: string
  open: string
  incident: string
  noDetails: string
  /** "{count} messages: {title}", when several share one. */
  merged: (count: number, title: string) => string
  andMore: (count: number) => string
  /** Said by a voice after the text of a call. */
  pressToAcknowledge: string
  /** The voice that reads it. */
  voiceLanguage: string
}

const words: Record<Language, MessageWords> = {
  en: {
    acknowledge: 'Acknowledge',
    silence: 'Silence',
    open: 'Open',
    incident: 'Incident',
    noDetails: '(no details)',
    merged: (count, title) => `${count} messages: ${title}`,
    andMore: (count) => `… and ${count} more.`,
    pressToAcknowledge: 'Press 1 to acknowledge, or 2 to escalate.',
    voiceLanguage: 'en-US',
  },
  zh: {
    acknowledge: '认领',
    silence: '静默',
    open: '查看',
    incident: '故障',
    noDetails: '（无详情）',
    merged: (count, title) => `${count} 条消息：${title}`,
    andMore: (count) => `… 还有 ${count} 条。`,
    pressToAcknowledge: '按 1 认领，按 2 升级。',
    voiceLanguage: 'zh-CN',
  },
}

/** The words of a language. */
export function wordsOf(language: Language): MessageWords {
  return words[language]
}
