/** Scrape targets as Prometheus's API tells them, what relabeling makes of them, and what makes a source's series many. */

import { useQuery } from '@tanstack/react-query'
import type { SourceCensusView } from '../../src/api/api.ts'
import { call, callPrometheus } from './client.ts'
import type { Reading } from './queries.ts'

/** A target that is scraped. */
export interface ActiveTarget {
  discoveredLabels: Record<string, string>
  labels: Record<string, string>
  scrapePool: string
  scrapeUrl: string
  scrapeInterval: string
  scrapeTimeout: string
}

/** A target that relabeling dropped. */
export interface DroppedTarget {
  discoveredLabels: Record<string, string>
  scrapePool: string
}

/** All targets. */
export interface Targets {
  activeTargets: ActiveTarget[]
  droppedTargets: DroppedTarget[]
  /** By job; more than are listed where a job drops very many. */
  droppedTargetCounts?: Record<string, number>
}

/** Reads the targets. */
export function useTargets(): Reading<Targets> {
  return useQuery({
    queryKey: ['targets'],
    queryFn: async ({ signal }) => (await callPrometheus<Targets>('/targets', {}, signal)).data,
    staleTime: 10_000,
  })
}

/** One rule and what it left of the labels. */
export interface RelabelStep {
  rule: Record<string, unknown>
  output: Record<string, string>
  keep: boolean
}

/** What each rule of a job makes of discovered labels. */
export function useRelabelSteps(
  pool: string,
  labels: Readonly<Record<string, string>>,
): Reading<RelabelStep[]> {
  const text = JSON.stringify(labels)
  return useQuery({
    queryKey: ['relabel-steps', pool, text],
    queryFn: async ({ signal }) => {
      const form = { scrapePool: pool, labels: text }
      return (
        await callPrometheus<{ steps: RelabelStep[] }>('/targets/relabel_steps', form, signal)
      ).data.steps
    },
    staleTime: 60_000,
  })
}

/** Which labels and metrics make a source's series many. */
export function useSourceCensus(source: string): Reading<SourceCensusView> {
  return useQuery({
    queryKey: ['source-census', source],
    queryFn: ({ signal }) =>
      call<SourceCensusView>('GET', '/sources/census', { signal, search: { source } }),
    staleTime: 30_000,
  })
}
