/** Draws the tree of `markdown.ts`; it makes elements, never HTML text. */

import { Fragment, type ReactNode } from 'react'
import { type Block, type Inline, parseMarkdown } from './markdown.ts'

/** A Markdown text, for example a post-mortem. */
export function Markdown(props: { text: string }) {
  return <div className="prose">{parseMarkdown(props.text).map(drawBlock)}</div>
}

function drawBlock(block: Block, key: number): ReactNode {
  switch (block.kind) {
    case 'heading': {
      // The page has the only h1; a document's headings begin one level below.
      const level = Math.min(block.level, 4)
      const Tag = level === 1 ? 'h2' : level === 2 ? 'h3' : 'h4'
      return (
        <Tag key={key} className={`h${Math.min(level, 3)}`}>
          {block.children.map(drawInline)}
        </Tag>
      )
    }
    case 'paragraph':
      return <p key={key}>{block.children.map(drawInline)}</p>
    case 'list': {
      const Tag = block.isOrdered ? 'ol' : 'ul'
      return (
        <Tag key={key}>
          {block.items.map((item, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the tree is made anew with each text
            <li key={index}>
              {item.map((inner, at) =>
                inner.kind === 'paragraph' ? (
                  // biome-ignore lint/suspicious/noArrayIndexKey: as above
                  <Fragment key={at}>{inner.children.map(drawInline)}</Fragment>
                ) : (
                  drawBlock(inner, at)
                ),
              )}
            </li>
          ))}
        </Tag>
      )
    }
    case 'quote':
      return <blockquote key={key}>{block.children.map(drawBlock)}</blockquote>
    case 'code':
      return (
        <pre key={key}>
          <code>{block.text}</code>
        </pre>
      )
    case 'table':
      return (
        <div key={key} className="table-frame">
          <table>
            <thead>
              <tr>{block.head.map((cell, at) => drawCell('th', cell, at))}</tr>
            </thead>
            <tbody>
              {block.rows.map((row, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: as above
                <tr key={index}>{row.map((cell, at) => drawCell('td', cell, at))}</tr>
              ))}
            </tbody>
          </table>
        </div>
      )
    case 'rule':
      return <hr key={key} />
  }
}

function drawCell(Tag: 'th' | 'td', cell: Inline[], key: number): ReactNode {
  return <Tag key={key}>{cell.map(drawInline)}</Tag>
}

function drawInline(piece: Inline, key: number): ReactNode {
  switch (piece.kind) {
    case 'text':
      return piece.text
    case 'code':
      return <code key={key}>{piece.text}</code>
    case 'strong':
      return <strong key={key}>{piece.children.map(drawInline)}</strong>
    case 'em':
      return <em key={key}>{piece.children.map(drawInline)}</em>
    case 'link':
      return (
        <a key={key} href={piece.address} rel="noreferrer noopener">
          {piece.children.map(drawInline)}
        </a>
      )
  }
}
