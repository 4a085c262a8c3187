/** Rules as hooks over the query cache: how they run, what a text does now and would have done, files, objectives. */

import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import type {
  BackTestRequestBody,
  BackTestView,
  RuleCheck,
  RuleFileList,
  RuleFileSave,
  RuleFileView,
  RuleList,
  RulePreview,
  SloStatusList,
} from '../../src/api/rules.ts'
import { call } from './client.ts'
import { useLink } from './live.ts'
import { type Reading, useAct } from './queries.ts'

function useBeat(beatMs: number): number | false {
  return useLink().isLive ? beatMs : false
}

/** Every group with its rules and how they run. */
export function useRuleList(): Reading<RuleList> {
  return useQuery({
    queryKey: ['rules', 'list'],
    queryFn: ({ signal }) => call<RuleList>('GET', '/rules', { signal }),
    refetchInterval: useBeat(15_000),
  })
}

/** Every objective and what is left of its budget. */
export function useObjectives(): Reading<SloStatusList> {
  return useQuery({
    queryKey: ['rules', 'objectives'],
    queryFn: ({ signal }) => call<SloStatusList>('GET', '/slos', { signal }),
    refetchInterval: useBeat(30_000),
  })
}

/** The files that can be edited. */
export function useRuleFiles(): Reading<RuleFileList> {
  return useQuery({
    queryKey: ['rules', 'files'],
    queryFn: ({ signal }) => call<RuleFileList>('GET', '/rules/files', { signal }),
  })
}

/** One file with its text; nothing is asked without a name. */
export function useRuleFile(name: string): Reading<RuleFileView> {
  return useQuery({
    queryKey: ['rule-file', name],
    queryFn: ({ signal }) =>
      call<RuleFileView>('GET', `/rules/files/${encodeURIComponent(name)}`, { signal }),
    enabled: name !== '',
  })
}

/** What a text holds, or what is wrong with it. */
export function useRuleCheck(text: string): Reading<RuleCheck> {
  return useQuery({
    queryKey: ['rule-check', text],
    queryFn: ({ signal }) => call<RuleCheck>('POST', '/rules/check', { signal, body: { text } }),
    enabled: text.trim() !== '',
    placeholderData: keepPreviousData,
    gcTime: 30_000,
  })
}

/** What each rule of a text answers now. */
export function useRulePreview(text: string, isEnabled: boolean): Reading<RulePreview> {
  return useQuery({
    queryKey: ['rule-preview', text],
    queryFn: ({ signal }) =>
      call<RulePreview>('POST', '/rules/preview', { signal, body: { text } }),
    enabled: isEnabled && text.trim() !== '',
    placeholderData: keepPreviousData,
    refetchInterval: useBeat(15_000),
    gcTime: 30_000,
  })
}

/** Starts a test over the past. */
export function useStartBackTest() {
  return useAct(
    (body: BackTestRequestBody) => call<BackTestView>('POST', '/rules/backtest', { body }),
    [],
  )
}

/** A test, asked for until it is done. */
export function useBackTest(id: string): Reading<BackTestView> {
  return useQuery({
    queryKey: ['back-test', id],
    queryFn: ({ signal }) =>
      call<BackTestView>('GET', `/rules/backtest/${encodeURIComponent(id)}`, { signal }),
    enabled: id !== '',
    refetchInterval: ({ state }) => (state.data?.state === 'running' ? 400 : false),
  })
}

/** Stops a test and forgets it. */
export function useStopBackTest() {
  return useAct(
    (id: string) => call<unknown>('DELETE', `/rules/backtest/${encodeURIComponent(id)}`),
    ['back-test'],
  )
}

const fileKeys = ['rules', 'rule-file', 'alerts']

/** Saves a file and brings it into force. */
export function useSaveRuleFile() {
  const client = useQueryClient()
  return useAct(async ({ name, ...body }: RuleFileSave & { name: string }) => {
    const saved = await call<RuleFileView>('PUT', `/rules/files/${encodeURIComponent(name)}`, {
      body,
    })
    client.setQueryData(['rule-file', name], saved)
    return saved
  }, fileKeys)
}

/** Removes a file; its last text is kept among the older ones. */
export function useRemoveRuleFile(file: { name: string; revision: string }) {
  return useAct(
    (_reason: string) =>
      call<unknown>('DELETE', `/rules/files/${encodeURIComponent(file.name)}`, {
        search: { revision: file.revision },
      }),
    fileKeys,
  )
}

/** Reads an older text of a file. */
export function useOlderRuleText(name: string) {
  return useAct(
    (id: string) =>
      call<RuleFileView>(
        'GET',
        `/rules/files/${encodeURIComponent(name)}/versions/${encodeURIComponent(id)}`,
      ),
    [],
  )
}
