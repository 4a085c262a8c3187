/**
 * The few lines a small service needs to count its requests for Prometheus: one counter, one
 * histogram, rendered in the text format. Known statuses begin at zero, so that the first failure
 * already shows as an increase.
 */

const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

interface RouteFigures {
  countByStatus: Map<number, number>
  countByBucket: number[]
  count: number
  seconds: number
}

/** Counts requests by method, route and status, and how long they took. */
export class RequestMetrics {
  readonly #head: string
  readonly #routes = new Map<string, RouteFigures>()

  constructor(service: string, version: string) {
    this.#head = `service="${service}",version="${version}"`
  }

  /** Makes a route known before its first request. */
  expect(method: string, route: string, statuses: readonly number[]): void {
    const figures = this.#figuresOf(method, route)
    for (const status of statuses) figures.countByStatus.set(status, 0)
  }

  observe(request: { method: string; route: string; status: number; seconds: number }): void {
    const figures = this.#figuresOf(request.method, request.route)
    figures.countByStatus.set(request.status, (figures.countByStatus.get(request.status) ?? 0) + 1)
    figures.count++
    figures.seconds += request.seconds
    const index = buckets.findIndex((edge) => request.seconds <= edge)
    if (index >= 0) figures.countByBucket[index]! += 1
  }

  /** The page in text format 0.0.4. */
  render(): string {
    const counters: string[] = []
    const durations: string[] = []
    for (const [key, figures] of this.#routes) {
      const labels = `${this.#head},${key}`
      for (const [status, count] of figures.countByStatus) {
        counters.push(`http_requests_total{${labels},status="${status}"} ${count}`)
      }
      const name = 'http_request_duration_seconds'
      let total = 0
      buckets.forEach((edge, index) => {
        total += figures.countByBucket[index]!
        durations.push(`${name}_bucket{${labels},le="${edge}"} ${total}`)
      })
      durations.push(`${name}_bucket{${labels},le="+Inf"} ${figures.count}`)
      durations.push(`${name}_sum{${labels}} ${figures.seconds}`)
      durations.push(`${name}_count{${labels}} ${figures.count}`)
    }
    return [
      '# HELP http_requests_total Requests answered.',
      '# TYPE http_requests_total counter',
      ...counters,
      '# HELP http_request_duration_seconds Time to answer.',
      '# TYPE http_request_duration_seconds histogram',
      ...durations,
      '',
    ].join('\n')
  }

  #figuresOf(method: string, route: string): RouteFigures {
    const key = `method="${method}",route="${route}"`
    let figures = this.#routes.get(key)
    if (figures === undefined) {
      figures = {
        countByStatus: new Map(),
        countByBucket: buckets.map(() => 0),
        count: 0,
        seconds: 0,
      }
      this.#routes.set(key, figures)
    }
    return figures
  }
}
