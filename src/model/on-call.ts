/** On-call duty: who answers for what, and when. */

/** A span in which some people are on call. */
export interface Shift {
  startTimeMs: number
  endTimeMs: number
  /** Names of people; several are on call together. */
  people: string[]
  /** What put them there: the layer's name, `calendar`, or `override`. */
  source: string
  /** Of the override, when it is one. */
  overrideId?: string
}

/** A person's word that somebody else is on call for a while. */
export interface OnCallOverride {
  id: string
  schedule: string
  /** Who is on call instead. */
  people: string[]
  /** Only this person is replaced, others of the shift stay; everybody when empty. */
  replaces: string
  startTimeMs: number
  endTimeMs: number
  createdBy: string
  comment: string
}
