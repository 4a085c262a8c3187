/** Names in the settings that refer to others which are not there: what a schema cannot see. */

import type { OnCallSettings } from './settings.ts'

/** A wrong name and its place. */
export interface NameProblem {
  path: (string | number)[]
  message: string
}

/** All wrong names; receivers are checked by who knows them. */
export function findNameProblems(settings: OnCallSettings): NameProblem[] {
  const problems: NameProblem[] = []
  const known = {
    person: new Set(settings.people.map(({ name }) => name)),
    team: new Set(settings.teams.map(({ name }) => name)),
    schedule: new Set(settings.schedules.map(({ name }) => name)),
  }
  const check = (
    kind: keyof typeof known,
    name: string | undefined,
    path: NameProblem['path'],
  ): void => {
    if (name === undefined || known[kind].has(name)) return
    const all = [...known[kind]]
    const others = all.length === 0 ? `there is no ${kind}` : `there are ${all.join(', ')}`
    problems.push({ path, message: `there is no ${kind} "${name}"; ${others}` })
  }
  for (const [index, person] of settings.people.entries()) {
    const contacts = new Set(person.contacts.map(({ name }) => name))
    for (const [ruleIndex, { contact }] of (person.notification_rules ?? []).entries()) {
      if (contacts.has(contact)) continue
      problems.push({
        path: ['people', index, 'notification_rules', ruleIndex, 'contact'],
        message: `there is no contact "${contact}"; there are ${[...contacts].join(', ')}`,
      })
    }
  }
  for (const [index, team] of settings.teams.entries()) {
    for (const [place, name] of team.members.entries())
      check('person', name, ['teams', index, 'members', place])
    check('schedule', team.schedule, ['teams', index, 'schedule'])
  }
  for (const [index, schedule] of settings.schedules.entries()) {
    for (const [place, layer] of schedule.layers.entries())
      for (const [turn, name] of layer.people.flat().entries())
        check('person', name, ['schedules', index, 'layers', place, 'people', turn])
  }
  for (const [index, policy] of settings.escalation_policies.entries()) {
    for (const [place, step] of policy.steps.entries()) {
      const path = ['escalation_policies', index, 'steps', place]
      check('person', step.person, [...path, 'person'])
      check('schedule', step.schedule, [...path, 'schedule'])
      check('team', step.team, [...path, 'team'])
      check('team', step.everyone, [...path, 'everyone'])
    }
  }
  return problems
}
