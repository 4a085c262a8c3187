/** Bodies with files, as forms of browsers send them. Source: RFC 7578. */

import { makeToken } from '../base/random.ts'

/** A file of a form. */
export interface FormFile {
  name: string
  fileName: string
  type: string
  content: Buffer
}

/** The body and its content type. */
export function makeMultipart(
  fields: Readonly<Record<string, string>>,
  file: FormFile,
): { body: Buffer; contentType: string } {
  const boundary = `shipwatch-${makeToken(12)}`
  const head = Object.entries(fields).map(
    ([name, value]) =>
      `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  const fileHead = `--${boundary}\r\ncontent-disposition: form-data; name="${file.name}"; filename="${file.fileName}"\r\ncontent-type: ${file.type}\r\n\r\n`
  const body = Buffer.concat([
    Buffer.from(head.join('') + fileHead),
    file.content,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ])
  return { body, contentType: `multipart/form-data; boundary=${boundary}` }
}
