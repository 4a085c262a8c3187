/**
 * Results of tests as a JUnit report, which CI systems show.
 * Source: the schema that Jenkins and GitLab read (testsuites, testsuite, testcase, failure, error).
 */

/** One test case. */
export interface JunitCase {
  name: string
  /** Why it failed; none when it passed. */
  failures: string[]
}

/** The cases of one file. */
export interface JunitSuite {
  name: string
  cases: JunitCase[]
  /** Why the file could not be run at all; empty when it could. */
  error: string
}

/** The report. */
export function formatJunit(suites: readonly JunitSuite[]): string {
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites>']
  for (const { name, cases, error } of suites) {
    const failureCount = cases.filter((one) => one.failures.length > 0).length
    const counts = `tests="${cases.length}" failures="${failureCount}" errors="${error === '' ? 0 : 1}"`
    lines.push(`  <testsuite name="${escapeXml(name)}" ${counts}>`)
    if (error !== '') lines.push(`    <system-err>${escapeXml(error)}</system-err>`)
    for (const { name: caseName, failures } of cases) {
      const head = `    <testcase name="${escapeXml(caseName)}"`
      if (failures.length === 0) {
        lines.push(`${head}/>`)
        continue
      }
      lines.push(`${head}>`)
      for (const failure of failures) {
        const [first = ''] = failure.split('\n')
        lines.push(`      <failure message="${escapeXml(first)}">${escapeXml(failure)}</failure>`)
      }
      lines.push('    </testcase>')
    }
    lines.push('  </testsuite>')
  }
  return `${[...lines, '</testsuites>'].join('\n')}\n`
}

/** Text as XML; characters that XML forbids become a question mark. */
function escapeXml(text: string): string {
  const signs: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text
    .replaceAll(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, '?')
    .replaceAll(/[&<>"]/g, (sign) => signs[sign]!)
}
