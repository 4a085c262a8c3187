/** English: the source of all words. A value is a string, or a function of named values. */

import { makeCount, makeList } from './count.ts'

const count = makeCount('en')
const list = makeList('en')

/** The English words. */
export const en = {
  language: { tag: 'en' },
  unit: { second: 's', minute: 'min', hour: 'h', day: 'd' },
  time: {
    ago: (v: { span: string }) => `${v.span} ago`,
    ahead: (v: { span: string }) => `in ${v.span}`,
    left: (v: { span: string }) => `${v.span} left`,
  },
  health: {
    critical: 'Critical',
    warning: 'Warning',
    unknown: 'Unknown',
    info: 'Info',
    ok: 'Well',
  },
  kit: {
    copy: 'Copy',
    copied: 'Copied',
    copyRefused: 'The browser does not allow copying here; select the text instead.',
    retry: 'Try again',
    close: 'Close',
    cancel: 'Cancel',
    loading: 'Loading',
    clearFilter: 'Clear the filter',
  },
  fault: {
    title: 'This could not be shown',
    noAnswer: 'The server does not answer.',
    noAnswerHint:
      'Check that Shipwatch runs and that this machine reaches it; the page tries again by itself.',
    notAllowed: 'You may not do this.',
    notAllowedHint:
      'An administrator can: sign in as one, or ask for a token with the scope “admin”.',
    notFound:
      'There is nothing at this address; it may have been removed after the retention time.',
  },
  missing: {
    title: 'This page does not exist',
    home: 'Go to Now',
    failed: 'The page could not be shown',
  },
  place: {
    now: 'Now',
    incidents: 'Incidents',
    alerts: 'Alerts',
    deliveries: 'Deliveries',
    silences: 'Silences',
    onCall: 'On-call',
    notifications: 'Notifications',
    metrics: 'Metrics',
    logs: 'Logs',
    rules: 'Rules',
    routes: 'Routes',
    sources: 'Sources',
    settings: 'Settings',
  },
  shell: {
    skip: 'Skip to the page',
    rail: 'Pages',
    group: { watch: 'Watch', explore: 'Explore', keep: 'Keep' },
    fold: 'Fold the rail',
    unfold: 'Unfold the rail',
    search: 'Search or act',
    live: 'Live',
    liveOn: 'Live: the page follows what happens. Press to pause ( . )',
    liveOff: 'Paused: the page stands still. Press to follow ( . )',
    stale: (v: { span: string }) => `Last answer ${v.span} ago. The server does not reply.`,
    situation: (v: { incidents: number; alerts: number }) =>
      `${count(v.incidents, '# open incident', '# open incidents')}, ${count(v.alerts, '# alert fires', '# alerts fire')}.`,
  },
  range: {
    title: 'Range of time',
    last: (v: { span: string }) => `Last ${v.span}`,
    own: 'From … to …',
    from: 'From',
    to: 'To',
    show: 'Show',
    zone: (v: { zone: string }) => `Times in ${v.zone}`,
    unreadable: 'Write it as 2026-11-20 12:47.',
    backwards: 'The end must be after the beginning.',
    earlier: 'Earlier',
    later: 'Later',
    wider: 'Wider',
    narrower: 'Narrower',
    now: 'Back to now',
  },
  key: {
    title: 'Keys of this page',
    off: 'Single keys are switched off:',
    keys: 'All keys',
    command: 'Search or act',
    filter: 'Filter this page',
    next: 'Next row',
    previous: 'Previous row',
    open: 'Open the row',
    close: 'Close what is open',
    live: 'Live on or off',
    table: 'Chart or table',
    silence: 'Silence the alert of this row',
  },
  command: {
    title: 'Search or act',
    placeholder: 'A page, service, incident, alert, rule, metric, command',
    none: (v: { text: string }) => `Nothing is called “${v.text}”.`,
    kind: {
      page: 'Page',
      incident: 'Incident',
      alert: 'Alert',
      service: 'Service',
      rule: 'Rule',
      metric: 'Metric',
      command: 'Command',
    },
    liveOn: 'Follow live',
    liveOff: 'Pause live',
    appearance: (v: { name: string }) => `Appearance: ${v.name}`,
    language: '切换到简体中文',
  },
  signIn: {
    title: 'Sign in to Shipwatch',
    user: 'User',
    password: 'Password',
    withPassword: 'Sign in',
    or: 'or',
    token: 'Token',
    tokenHint: 'On the server’s machine it is in <data-dir>/local.token.',
    withToken: 'Sign in with the token',
    linkHint:
      'Or open the sign-in link that the server prints when it starts. It works once, for one hour.',
    refused: 'Signing in was refused',
    linkRefused: 'This link does not work any more',
  },
  now: {
    failed: 'The situation could not be read',
    verdict: (v: {
      incidents: number
      needing: number
      firing: number
      well: number
      services: number
      down: number
      up: number
    }) => {
      const watched = count(v.services, '# service', '# services')
      const services =
        v.services === 0
          ? ''
          : v.well === v.services
            ? ` ${watched} watched.`
            : ` ${v.well} of ${watched} well.`
      if (v.incidents > 0) {
        const need =
          v.needing === 0
            ? 'none needs you'
            : v.needing === 1
              ? '1 needs you'
              : `${v.needing} need you`
        return `${count(v.incidents, '# incident', '# incidents')}, ${need}.${services}`
      }
      if (v.firing > 0)
        return `${count(v.firing, '# alert fires', '# alerts fire')}, no incident.${services}`
      if (v.down > 0)
        return `No alert, but ${count(v.down, '# source is', '# sources are')} down.${services}`
      if (v.up === 0) return `Nothing is known yet: no source has sent data.${services}`
      return `All is well.${services}`
    },
    storeRefuses: 'No new data is taken. Queries, rules and notifications go on',
    noAlertFor: (v: { span: string }) => `No alert for ${v.span}.`,
    neverAlert: 'No alert so far.',
    alertCounts: (v: { firing: number; pending: number; held: number }) =>
      list([
        count(v.firing, '# alert fires', '# alerts fire'),
        ...(v.pending > 0 ? [count(v.pending, '# is pending', '# are pending')] : []),
        ...(v.held > 0 ? [count(v.held, '# is held', '# are held')] : []),
      ]),
    rulesChecked: (v: { count: number; span: string }) =>
      `${count(v.count, '# rule', '# rules')} checked ${v.span} ago`,
    rulesWaiting: (v: { count: number }) =>
      `${count(v.count, '# rule', '# rules')}, not checked yet`,
    incidents: 'Open incidents',
    services: 'Services',
    service: 'Service',
    state: 'State',
    lane: 'Last 24 h',
    version: 'Version',
    environment: 'Environment',
    deployed: 'Deployed',
    alerts: 'Alerts',
    noServices: 'No service is known yet',
    noServicesHint:
      'A service appears with its first deployment, or when its metrics carry a “service” label. Record one:',
    laneCalm: (v: { name: string }) => `${v.name}: calm in the last 24 hours`,
    laneTrouble: (v: { name: string; span: string }) =>
      `${v.name}: trouble for ${v.span} in the last 24 hours`,
    hostTitle: 'This machine',
    host: (v: { name: string }) => `This machine: ${v.name}`,
    cpuCount: (v: { count: number }) => count(v.count, '# CPU', '# CPUs'),
    noHost: 'The host agent is switched off',
    noHostHint: 'Set host_agent.enabled to true to watch this machine without anything else.',
    figures: { cpu: 'CPU', memory: 'Memory', disk: 'Disk space', load: 'Load (1 min)' },
    sparkline: (v: { name: string }) => `${v.name} over the range; the value is beside it`,
    openQuery: 'Open in Metrics',
    deliveries: 'Recent deliveries',
    all: 'All',
  },
  chart: {
    series: 'Series',
    last: 'Last',
    atCursor: 'At cursor',
    min: 'Min',
    max: 'Max',
    time: 'Time',
    and: ', ',
    between: '; ',
    noData: 'No data in this range.',
    moved: (v: { name: string; from: string; to: string; time: string; isUp: boolean }) =>
      `${v.name} ${v.isUp ? 'rose' : 'fell'} from ${v.from} to ${v.to} at ${v.time}`,
    passed: (v: { name: string; to: string; time: string; until: string; isUp: boolean }) =>
      `${v.name} was ${v.isUp ? 'up' : 'down'} at ${v.to} from ${v.time} to ${v.until}`,
    began: (v: { name: string; to: string; time: string }) =>
      `${v.name} since ${v.time}, at ${v.to}`,
    steady: (v: { names: string; rest: number }) =>
      v.rest > 0 ? `${v.names} and ${v.rest} more steady` : `${v.names} steady`,
    steadyAt: (v: { value: string }) => `steady, now ${v.value}`,
    delivered: (v: { name: string; time: string }) => `${v.name} delivered at ${v.time}`,
    limit: (v: { value: string }) => `limit ${v.value}`,
    showTable: 'Show as table ( t )',
    showChart: 'Show as chart ( t )',
    more: (v: { count: number }) => count(v.count, '# more series', '# more series'),
    openQuery: 'Open in Metrics',
    busiest: (v: { bucket: string; part: string }) =>
      `Most fell into ${v.bucket}: ${v.part} of all.`,
    heatHint: 'Point at a cell, or move with the arrow keys, to read it. Drag to zoom.',
    bucket: 'Bucket',
    overRange: 'Over the range',
  },
  metrics: {
    ask: 'What do you want to know?',
    asking: 'Asking…',
    failed: (v: { count: number }) => count(v.count, 'The query failed', '# queries failed'),
    series: (v: { count: number; samples: string; elapsed: string }) =>
      `${count(v.count, '# series', '# series')}, ${v.elapsed}, ${v.samples} samples read.`,
    stopped: 'Stopped.',
    stoppedHint: 'The query was stopped before it was answered. Ask for less, or run it again.',
    allHidden: 'All queries are hidden.',
    allHiddenHint: 'Show one again with the eye below it.',
    rows: (v: { count: number }) => `${count(v.count, '# series', '# series')} now.`,
    view: 'View',
    chart: 'Chart',
    table: 'Table',
    heat: 'Heat map',
    raw: 'Raw',
    copyLink: 'Copy the link to this view',
    queries: 'Queries',
    query: (v: { letter: string }) => `Query ${v.letter}`,
    placeholder: 'PromQL, for example rate(http_requests_total[1m])',
    remove: (v: { letter: string }) => `Remove query ${v.letter}`,
    run: 'Run',
    stop: 'Stop',
    add: 'Add a query',
    show: (v: { letter: string }) => `Show query ${v.letter}`,
    hide: (v: { letter: string }) => `Hide query ${v.letter}`,
    moveUp: (v: { letter: string }) => `Move query ${v.letter} up`,
    moveDown: (v: { letter: string }) => `Move query ${v.letter} down`,
    legend: 'Legend, for example {{instance}}',
    legendOf: (v: { letter: string }) => `Legend of query ${v.letter}`,
    figures: (v: { count: number; samples: string; elapsed: string }) =>
      [
        count(v.count, '# series', '# series'),
        ...(v.samples === '' ? [] : [`${v.samples} samples`]),
        ...(v.elapsed === '' ? [] : [v.elapsed]),
      ].join(' · '),
    explain: 'Explain',
    explainOf: (v: { letter: string }) => `What query ${v.letter} costs`,
    explainFailed: 'The query could not be explained',
    again: 'Measure again',
    spent: (v: {
      elapsed: string
      read: string
      evaluate: string
      queue: string
      samples: string
      peak: string
    }) =>
      `${v.elapsed}: ${v.read} to read ${v.samples} samples, ${v.evaluate} to evaluate, ${v.queue} waiting. At most ${v.peak} samples were held at once.`,
    part: 'Part of the query',
    points: 'Points',
    read: 'Samples read',
    where: { memory: 'memory', cache: 'cache', engine: 'engine' },
    took: 'Its own time',
    withBelow: (v: { elapsed: string }) => `${v.elapsed} with the parts below it`,
    ofStored: (v: { count: string }) => ` of ${v.count}`,
    sharedRead: (v: { count: number }) => `Read once for ${v.count} selectors`,
    values: (v: { count: number }) => count(v.count, '# value', '# values'),
    explorer: 'Labels',
    explorerFailed: 'The labels could not be read',
    inMemory: (v: { count: number; metrics: string }) =>
      `${count(v.count, '# series', '# series')} of ${v.metrics} metrics in memory. Press a metric to see its labels.`,
    largest: 'Labels with the most values',
    allMetrics: 'All metrics',
    askMetric: 'Ask for this metric',
    notInMemory: 'No series of it is in memory',
    notInMemoryHint: 'It may have older samples: ask for it over a longer range.',
    noLabels: 'Its series have no labels.',
    filterValues: 'Filter the values',
    exploding: 'Nearly a value for each series',
    explodingHint:
      'Nearly every series has a value of its own: an id, it seems. Drop the label at the sender or with metric_relabel_configs.',
    addMatcher: (v: { label: string; value: string }) => `Only ${v.label} = ${v.value}`,
    addUnlike: (v: { label: string; value: string }) => `Without ${v.label} = ${v.value}`,
    running: 'Running queries',
    noneRuns: 'No query runs now',
    noneRunsHint: 'Queries that take long appear here while they run, whoever asked them.',
    isWaiting: 'Waiting',
    isRunning: 'Running',
    exemplars: 'Exemplars',
    trace: 'Trace',
    copyTrace: 'Copy the trace id',
    moreExemplars: (v: { count: number }) =>
      `${count(v.count, '# older exemplar is', '# older exemplars are')} not listed.`,
    showMore: 'Show more',
    noBuckets: 'No histogram in this answer',
    noBucketsHint:
      'A heat map needs buckets: a native histogram, or series with the label le, such as sum by (le) (rate(x_bucket[1m])).',
    askBuckets: 'Ask for its buckets',
    samples: (v: { count: number }) => count(v.count, '# sample', '# samples'),
    copyRaw: 'Copy all of it',
    rawCut: 'The rest is not shown; choose fewer series or a shorter range.',
    refused: 'The query could not be answered',
    several: (v: { count: number }) => count(v.count, '# query', '# queries'),
    unit: 'Unit',
    units: {
      count: 'Number',
      ratio: 'Per cent',
      seconds: 'Seconds',
      bytes: 'Bytes',
      'bytes-per-second': 'Bytes per second',
      'per-second': 'Per second',
    },
    empty: 'No series matches in this range',
    emptyHint:
      'Widen the range ( - ), or check the names and label values: the editor completes both.',
    seriesHead: 'Series',
    value: 'Value',
    nothingYet: 'No metric has arrived yet',
    nothingYetHint:
      'The host agent brings the first ones within seconds. Sources shows how to connect more.',
    examples: 'Questions you can ask now',
    example: {
      cpu: 'How busy are the CPUs?',
      memory: 'How much memory is free?',
      network: 'How much is received, by network device?',
      requests: 'How many requests, by service and version?',
      errors: 'What part of the requests fails?',
      logs: 'How many log lines, by level?',
      up: 'Which targets answer?',
    },
    all: 'All metrics',
    filter: 'Filter by name',
    more: (v: { count: number }) =>
      count(v.count, '# more; filter to see it', '# more; filter to see them'),
    noMatch: (v: { filter: string }) => `No metric has “${v.filter}” in its name.`,
  },
  logs: {
    failed: 'The logs could not be read',
    asking: 'Reading…',
    verdict: (v: { total: number; wrong: number; span: string }) =>
      v.total === 0
        ? `No line in ${v.span}.`
        : `${count(v.total, '# line', '# lines')} in ${v.span}, ${v.wrong === 0 ? 'no error' : count(v.wrong, '# error', '# errors')}.`,
    volume: (v: { total: string; wrong: string }) =>
      `${v.total} lines over the range, ${v.wrong} of them errors`,
    query: 'Query',
    placeholder: 'Words, or LogQL: {service="checkout"} |= "timeout"',
    run: 'Search',
    levels: {
      fatal: 'Fatal',
      error: 'Error',
      warn: 'Warning',
      info: 'Info',
      debug: 'Debug',
      unknown: 'No level',
    },
    lines: 'Log lines',
    shown: (v: { count: number; from: string }) =>
      `${count(v.count, '# line', '# lines')}, back to ${v.from}.`,
    searched: (v: { shown: number; count: number; from: string }) =>
      `${count(v.shown, '# line', '# lines')} of these levels among the latest ${v.count}, back to ${v.from}.`,
    following: 'Following live.',
    older: 'Load older lines',
    allShown: 'That is all in this range.',
    enough: 'Narrow the range or the query to see older lines.',
    none: 'No log line has arrived in this range',
    noneHint: 'Push one now with curl, or name files in the configuration:',
    otherWays: 'Other ways to send logs',
    noMatch: 'No line matches',
    noMatchHint: 'Widen the range or take a condition away.',
    noneOfLevel: (v: { count: number }) =>
      `None of the latest ${count(v.count, '# line has', '# lines has')} one of these levels`,
    allLevels: 'Show all levels',
    wider: 'Look at the last day',
    pick: (v: { label: string }) => `Only lines with ${v.label}`,
    copyLine: 'Copy the line',
  },
  alert: {
    failed: 'The alerts could not be read',
    verdict: (v: { firing: number; held: number; reasons: readonly string[] }) => {
      const fire =
        v.firing === 0 ? 'No alert fires' : count(v.firing, '# alert fires', '# alerts fire')
      if (v.held === 0) return `${fire}.`
      return `${fire}, ${count(v.held, '# is held', '# are held')}: ${list(v.reasons)}.`
    },
    heldPart: (v: { count: number; reason: string }) => `${v.count} ${v.reason}`,
    state: 'State',
    severity: 'Severity',
    anySeverity: 'Any severity',
    why: 'Why',
    gone: 'The alert of this link is over and no longer known.',
    states: { firing: 'Firing', pending: 'Pending', held: 'Held', resolved: 'Resolved' },
    filter: 'Filter by text, or label as team=shop',
    alert: 'Alert',
    labels: 'Labels',
    since: 'Since',
    none: {
      firing: 'No alert fires',
      pending: 'No alert is pending',
      held: 'No alert is held back',
      resolved: 'No alert was resolved lately',
    },
    noneHint: (v: { count: number }) =>
      count(v.count, '# rule is watching.', '# rules are watching.'),
    noMatch: (v: { filter: string }) => `No alert in this state matches “${v.filter}”`,
    elsewhere: (v: { count: number; state: string }) =>
      `${v.state}: ${count(v.count, '# matches', '# match')}`,
    seeRules: 'See the rules',
    heldBy: (v: { reason: string; by: string }) =>
      `Nobody is told: ${v.reason}${v.by === '' ? '' : ` by ${v.by}`}.`,
    heldReasons: {
      silenced: 'silenced',
      inhibited: 'inhibited',
      maintenance: 'in maintenance',
      'out-of-hours': 'out of hours',
      acknowledged: 'acknowledged',
    },
    expression: 'Expression',
    openQuery: 'Open in Metrics',
    signal: 'The signal behind it',
    active: 'Condition held since',
    fired: 'Fired',
    ended: 'Ended',
    value: 'Value',
    receivers: 'Receivers',
    noReceiver: 'none yet',
    openIncident: 'Open the incident',
    whoWasTold: 'Who was told',
    link: 'Copy a link to this alert',
    pickLabel: (v: { label: string }) => `Show alerts with ${v.label}`,
    bySilence: 'See the silence',
    byAlert: 'See what inhibits it',
    byWindow: 'See the window',
    openRule: 'The rule',
    runbook: 'Runbook',
  },
  onCall: {
    failed: 'On-call duty could not be read',
    verdict: (v: { who: string; personCount: number; uncovered: string; uncoveredCount: number }) =>
      [
        ...(v.personCount > 0 ? [`${v.who} ${v.personCount === 1 ? 'is' : 'are'} on call`] : []),
        ...(v.uncoveredCount > 0 ? [`nobody is on call on ${v.uncovered}`] : []),
      ]
        .join('; ')
        .replace(/^n/, 'N'),
    people: (v: { names: readonly string[] }) => list(v.names),
    nobody: 'Nobody',
    none: 'Nobody is set up to be on call',
    noneHint:
      'Name people, a schedule and an escalation policy in the configuration; a receiver with “escalation_policy: team” then pages who is on call.',
    calendar: 'Calendar',
    span: 'How much the calendar shows',
    spans: { week: 'Week', fortnight: 'Two weeks', month: 'Month' },
    before: 'Earlier',
    after: 'Later',
    today: 'Today',
    weekOf: (v: { date: string }) => `Week of ${v.date}`,
    oddDay: 'Clocks change on this day',
    dayHours: (v: { hours: number }) => `${v.hours} h`,
    weekdays: {
      '0': 'Sun',
      '1': 'Mon',
      '2': 'Tue',
      '3': 'Wed',
      '4': 'Thu',
      '5': 'Fri',
      '6': 'Sat',
    },
    bar: (v: { who: string; schedule: string; from: string; to: string; isOverride: boolean }) =>
      `${v.who}, ${v.schedule}, ${v.from} to ${v.to}${v.isOverride ? ', taken over' : ''}`,
    zone: (v: { zone: string }) => `Times are those of ${v.zone}.`,
    overrideTitle: 'Somebody takes over',
    schedule: 'Schedule',
    who: 'Who takes over',
    choose: 'Choose a person',
    replaces: 'Instead of',
    everybody: 'Everybody on call then',
    from: 'From',
    to: 'To',
    timeForm: 'Write it like 2026-11-20 18:00.',
    endEarly: 'The end must be after the beginning.',
    comment: 'Why',
    putOn: 'Put on call',
    source: 'By',
    putBy: 'Arranged by',
    sources: {
      override: 'a person’s word',
      calendar: 'the calendar',
      none: 'no rotation covers this time',
      layer: (v: { name: string }) => `the rotation ${v.name}`,
    },
    remove: 'Take it back',
    removeTitle: 'Take this back?',
    removeText: (v: { who: string }) =>
      `${v.who} will no longer stand in; the rotation counts again.`,
    until: 'until',
    next: (v: { who: string }) => `Then ${v.who}, from`,
    gap: 'Nobody in between.',
    nextNobody: 'Nobody comes within a month.',
    steps: {
      receiver: (v: { name: string }) => `Receiver ${v.name}`,
      person: (v: { name: string }) => v.name,
      schedule: (v: { name: string }) => `On call on ${v.name}`,
      everyone: (v: { name: string }) => `Everyone of ${v.name}`,
      team: (v: { name: string }) => `On call in ${v.name}`,
    },
    feed: 'Subscribe to the calendar',
    feedHint: 'Whoever has this address can read the shifts, without signing in.',
    policies: 'Who is told after whom',
    noPolicies: 'There is no escalation policy',
    noPoliciesHint:
      'With “escalation_policies” in the configuration, somebody else is told when nobody acts.',
    nextStep: (v: { span: string }) => `after ${v.span} without an answer, the next step`,
    policyEnd: (v: { repeat: number; span: string; isExpiring: boolean }) =>
      `${v.repeat === 0 ? 'Told once.' : count(v.repeat, 'All steps again # time.', 'All steps again # times.')} ${
        v.isExpiring
          ? `An acknowledgement ends after ${v.span}.`
          : 'An acknowledgement does not end.'
      }`,
    peopleTitle: 'People',
    quietUntil: 'quiet until',
    heartbeats: 'Heartbeats',
    beatMissing: 'Missing',
    beatWell: 'Heard',
    beatWaiting: 'Waiting',
    beatEvery: (v: { span: string }) => `every ${v.span}`,
    beatNever: 'never heard',
  },
  incident: {
    failed: 'The incident could not be read',
    listFailed: 'The incidents could not be read',
    incident: 'Incident',
    listVerdict: (v: { open: number; needing: number }) =>
      v.open === 0
        ? 'No incident is open.'
        : `${count(v.open, '# incident is', '# incidents are')} open, ${v.needing === 0 ? 'all are taken' : count(v.needing, '# needs you', '# need you')}.`,
    state: 'State',
    states: { open: 'Open', recovering: 'Recovering', resolved: 'Resolved' },
    filters: { open: 'Open', resolved: 'Resolved', all: 'All' },
    filter: 'Filter by title, service or cause',
    noMatch: (v: { filter: string }) => `No incident matches “${v.filter}”`,
    none: {
      open: 'No incident is open',
      resolved: 'No incident has been resolved yet',
      all: 'There has been no incident yet',
    },
    noneHint:
      'An incident opens by itself when an alert begins to fire; its cause is looked for at once.',
    seeResolved: 'See resolved incidents',
    service: 'Service',
    cause: 'Cause',
    likelyCause: 'Likely cause',
    causeOf: (v: { name: string }) => `Deployment ${v.name}`,
    noChange: 'No change found',
    noCauseYet: 'No cause found yet',
    noCauseHint:
      'Changes near the onset, errors by version and new log lines are looked at as data arrives.',
    otherCauses: (v: { count: number }) => count(v.count, '# other suspect', '# other suspects'),
    sure: (v: { part: string }) => `${v.part} sure`,
    owner: 'Taken by',
    unowned: 'Nobody has taken it',
    ownedBy: (v: { name: string }) => `Taken by ${v.name}`,
    opened: 'Opened',
    openedAt: 'opened',
    lasted: 'Lasted',
    openFor: (v: { span: string }) => `Open for ${v.span}`,
    lastedFor: (v: { span: string }) => `Lasted ${v.span}`,
    timeline: 'Timeline',
    copyLink: 'Copy the link',
    acknowledge: 'Take it',
    resolve: 'Resolve',
    resolveTitle: (v: { number: number }) => `Resolve incident #${v.number}?`,
    resolveText: (v: { title: string }) =>
      `“${v.title}” will be closed. If its alerts still fire, a new incident opens.`,
    resolveReason: 'What solved it (kept in the timeline)',
    comment: 'Add a comment to the timeline',
    send: 'Add',
    noAlerts: 'No alert belongs to it any more',
    notifications: 'Who was told',
    nobodyTold: 'Nobody has been told',
    nobodyToldHint: 'Set a route and a receiver in the configuration so that a person hears of it.',
    postMortem: 'Post-mortem',
    noPostMortem: 'Not written yet',
    noPostMortemHint:
      'A draft with the timeline and the evidence is written when the incident is resolved.',
    write: 'Write',
    edit: 'Edit',
    save: 'Save',
    stepDeployed: (v: { service: string; version: string }) =>
      `${v.service} ${v.version} is deployed`,
    stepOnset: 'The trouble begins in the data',
    stepOpened: 'The alert fires and the incident opens',
    evidence: 'Evidence',
    evidenceKinds: {
      onset: 'Onset',
      'errors-by-version': 'Errors by version',
      'latency-by-version': 'Latency by version',
      'new-log-line': 'New log line',
      alert: 'Alert',
      change: 'Change',
    },
    openQuery: 'Open in Metrics',
    openLogs: 'Open in Logs',
    kinds: {
      opened: 'Opened',
      'alert-firing': 'Alert fires',
      'alert-resolved': 'Alert ended',
      deployment: 'Deployment',
      onset: 'Onset',
      cause: 'Cause',
      notified: 'Notified',
      decision: 'Decision',
      rollback: 'Rollback',
      verify: 'Verification',
      comment: 'Comment',
      resolved: 'Resolved',
      'post-mortem': 'Post-mortem',
    },
  },
  /** Sentences by code for timelines; in English the server's own sentences are shown. */
  story: {} as Readonly<Record<string, string>>,
  /** Sentences by kind for evidence; in English the server's own sentences are shown. */
  evidence: {} as Readonly<Record<string, string>>,
  /** Sentences by reason for decisions; in English the server's own sentences are shown. */
  decision: {} as Readonly<Record<string, string>>,
  signal: {
    ofRule: (v: { name: string }) => `Signal of ${v.name}`,
    names: {
      'error ratio': 'Error ratio',
      'p95 latency': 'Latency (p95)',
      'requests by version': 'Requests by version',
      requests: 'Requests',
    } as Readonly<Record<string, string>>,
  },
  delivery: {
    failed: 'The delivery could not be read',
    listFailed: 'The deliveries could not be read',
    to: 'to',
    listVerdict: (v: { count: number; inTrouble: number; watched: number }) =>
      v.count === 0
        ? 'No delivery has been recorded.'
        : v.inTrouble > 0
          ? `${count(v.inTrouble, '# delivery is', '# deliveries are')} in trouble.`
          : v.watched > 0
            ? `${count(v.watched, '# delivery is', '# deliveries are')} being watched.`
            : `${count(v.count, '# delivery', '# deliveries')}, none is in trouble.`,
    verdict: (v: {
      service: string
      version: string
      state: string
      failing: number
      checks: number
    }) => {
      const name = `${v.service} ${v.version}`
      const checks =
        v.failing === 0 ? '' : ` ${count(v.failing, '# check fails', '# checks fail')}.`
      switch (v.state) {
        case 'watching':
          return `${name} is being watched.${checks}`
        case 'healthy':
          return `${name} is healthy.${checks}`
        case 'suspect':
          return `${name} is suspected.${checks}`
        case 'superseded':
          return `${name} was replaced before its watch was over.`
        case 'rolling-back':
          return `${name} is being rolled back.`
        case 'rolled-back':
          return `${name} was rolled back.`
        case 'rollback-failed':
          return `Rolling ${name} back failed.`
        default:
          return name
      }
    },
    state: 'State',
    states: {
      watching: 'Watching',
      healthy: 'Healthy',
      suspect: 'Suspect',
      superseded: 'Superseded',
      'rolling-back': 'Rolling back',
      'rolled-back': 'Rolled back',
      'rollback-failed': 'Rollback failed',
    },
    filter: 'Filter by service, version or person',
    onlyService: (v: { service: string }) => `Only ${v.service} ✕`,
    noMatch: 'No delivery matches',
    none: 'No delivery has been recorded yet',
    noneHint:
      'Tell Shipwatch of each release, from the pipeline or by hand; then every chart shows it and every incident asks for it.',
    orByHttp: 'Or by HTTP, with a token of the scope “admin”:',
    recordCommand: 'Command that records a deployment',
    isRollback: 'rollback',
    service: 'Service',
    version: 'Version',
    environment: 'Environment',
    note: 'Note',
    actor: 'By',
    started: 'Started',
    ended: 'Finished',
    link: 'Link',
    about: 'About',
    takesBack: 'Takes back',
    openDelivery: 'the earlier delivery',
    automatic: 'Automatic rollback',
    allowed: (v: { kind: string }) => `allowed, by ${v.kind}`,
    refusals: {
      'not-configured': 'not possible: the configuration does not say how',
      'not-allowed': 'not allowed by the configuration',
      'switched-off': 'switched off for all services',
    } as Readonly<Record<string, string>>,
    checks: 'Before and after',
    noChecks: 'Nothing to compare yet',
    noChecksHint:
      'Error ratio and latency of the service are compared as soon as enough samples have arrived after the delivery.',
    signal: 'Signal',
    before: 'Before',
    after: 'After',
    limit: 'Limit',
    decisions: 'Decisions',
    noDecisions: 'Nothing had to be decided',
    noDecisionsHint: 'Each yes and no about this delivery will stand here with its reason.',
    verdicts: { yes: 'Yes', no: 'No', wait: 'Wait' },
    questions: {
      rollback: 'Roll back?',
      verify: 'Recovered?',
      hold: 'Hands off?',
    } as Readonly<Record<string, string>>,
    reason: 'Reason (kept with the decision)',
    hold: 'Keep hands off',
    holdTitle: (v: { service: string; version: string }) => `Take ${v.service} ${v.version} over?`,
    holdText: (v: { service: string; version: string }) =>
      `Shipwatch will go on watching ${v.service} ${v.version} but will not roll it back by itself.`,
    rollBack: 'Roll back',
    rollBackTitle: (v: { service: string; version: string; previousVersion: string }) =>
      `Roll ${v.service} back from ${v.version} to ${v.previousVersion}?`,
    rollBackText: (v: {
      service: string
      environment: string
      previousVersion: string
      kind: string
    }) =>
      `The rollback of ${v.service} in ${v.environment} runs now and cannot be stopped. Afterwards the same signals must show that ${v.previousVersion} recovered.`,
    rollBackConfirm: (v: { previousVersion: string }) => `Roll back to ${v.previousVersion}`,
  },
  sources: {
    failed: 'The sources could not be read',
    verdict: (v: { count: number; bad: number; unknown: number; name: string }) => {
      if (v.count === 0) return 'No source has sent data yet.'
      if (v.bad === 1) return `${count(v.count, '# source', '# sources')}; ${v.name} is down.`
      if (v.bad > 1) return `${count(v.count, '# source', '# sources')}; ${v.bad} are down.`
      if (v.unknown > 0)
        return `${count(v.count, '# source', '# sources')}; ${v.unknown} not heard yet.`
      return `${count(v.count, '# source', '# sources')}, all healthy.`
    },
    none: 'No source yet',
    noneHint: 'Connect one: the commands below hold the address of this server.',
    up: 'Up',
    down: 'Down',
    waiting: 'Not heard',
    kinds: {
      host: 'This machine',
      scrape: 'Scraped targets',
      receiver: 'Receivers',
      file: 'Log files',
    },
    state: 'State',
    name: 'Source',
    labels: 'Labels',
    samples: 'Samples',
    linesOrSamples: 'Samples or lines',
    interval: 'Every',
    took: 'Took',
    last: 'Last data',
    lastScrape: 'Last scrape',
    drops: 'Dropped rows',
    noDrops: 'Nothing has been dropped since the start.',
    reason: 'Reason',
    rows: 'Rows',
    rate: 'Per second',
    lines: 'Lines',
    address: 'Address',
    timeout: 'Time-out',
    job: 'Job',
    errorHint: {
      host: 'The machine itself is read; see the log of the server.',
      scrape:
        'Fetch the address from this machine, for example with curl: what stands in the way is there, in the target, or in between.',
      receiver: 'The sender’s log says what it sent; the message above what was wrong with it.',
      file: 'Check that the file exists and that the server may read it.',
    },
    relabeling: 'What relabeling did',
    discovered: 'Discovered',
    noRules: 'The job has no relabel_configs.',
    droppedHere: 'Dropped by this rule',
    unchanged: 'changes nothing',
    removed: (v: { names: string }) => `removes ${v.names}`,
    charts: {
      rows: 'Rows',
      duration: 'Time of a scrape',
      requests: 'Requests, by status of the answer',
      drops: 'Dropped rows, by reason',
      up: 'Answers (1) or not (0)',
    },
    series: 'Series by source',
    seriesOf: (v: { name: string }) => `Series of ${v.name}`,
    seriesCount: 'Series, of the limit',
    refused: 'Refused',
    unlimited: (v: { count: number }) => `${count(v.count, '# series', '# series')}, no limit`,
    ofLimit: (v: { count: string; limit: string; part: string }) =>
      `${v.count} of ${v.limit} (${v.part})`,
    limitHint:
      'Drop or shorten the label with metric_relabel_configs, or at the sender; a higher limit only moves the day. Limits: series_limit of all, and of a job.',
    byLabel: 'Labels by number of values',
    byMetric: 'Metrics by number of series',
    examined: (v: { count: number }) => `Counted over ${count(v.count, '# series', '# series')}.`,
    droppedTargets: 'Targets dropped by relabeling',
    droppedHint:
      'Set keep_dropped_targets of the job or of global, and reload, to see which they are.',
    otherFix: 'The log of the server names the first of them.',
    fix: {
      'out-of-order':
        'The series had a later sample already. Two senders may write the same series: give each a label of its own.',
      duplicate:
        'The same time came twice with another value. Two senders may write the same series.',
      'too-old':
        'Older than what is kept. Check the clock of the sender, or raise store.retention.',
      'too-far-in-future': 'The clock of the sender is ahead of this machine’s.',
      'series-limit':
        'The source brought more series than it may. “Series by source” above shows the label that explodes.',
      'ha-duplicate': 'Nothing to do: another replica of the pair is the one that is kept.',
      'histogram-invalid': 'The histogram contradicts itself; correct the exporter.',
      'histogram-has-no-unit': 'A rule of units cannot convert histograms; narrow its match.',
      'below-min': 'A value rule drops it, as configured.',
      'above-max': 'A value rule drops it, as configured.',
      aggregated: 'Nothing to do: it went into an aggregate that drops its input.',
      'name-not-legacy':
        'The name has characters that were not allowed before UTF-8 names; set metric_name_validation_scheme: utf8.',
      'label-name-too-long': 'Shorten the name of the label, or raise label_name_length_limit.',
      'label-value-too-long': 'Shorten the value, or raise label_value_length_limit.',
      'too-many-labels': 'Send fewer labels, or raise label_limit.',
      'labels-too-large': 'Send fewer and shorter labels.',
      'line-cut': 'The line was longer than what is kept; its beginning was kept.',
      'line-invalid': 'The line could not be read; see the format of the protocol.',
      'field-not-a-number': 'Only numbers become samples; texts are left out.',
      'metric-name-missing': 'Every series needs a metric name.',
      'too-many-groups': 'More groups than are held at once; group by fewer labels.',
      'too-many-files': 'The pattern matches more files than are followed; narrow it.',
      'store-refused': 'The store was full or closing; see Now.',
      full: 'The store was full; see Now.',
      'older-than-interval':
        'It came after its interval was written; raise the rule’s patience, or send sooner.',
      'older-than-window': 'It came after later values of its series were used; send in order.',
      'too-many-series': 'A normalisation rule holds no more series; narrow its match.',
      'connection-refused': 'More StatsD connections than are held at once.',
      'line-too-long': 'The line is longer than the protocol allows.',
      'label-name-twice': 'A label name stands twice in one series; correct the sender.',
      'label-name-empty': 'A label has no name; correct the sender.',
      'labels-missing': 'The stream has no labels; correct the sender.',
      'exemplar-out-of-order': 'The series had a later exemplar already; nothing else is lost.',
      'exemplar-labels-too-long': 'The labels of an exemplar have 128 characters at most.',
      'exemplar-disabled': 'Exemplars are switched off.',
      'exemplar-series-gone': 'Its series ended meanwhile.',
    },
    connect: 'Connect more',
    tokenHint: 'From another machine a token with the scope “ingest” is needed:',
    ways: {
      prometheus: {
        name: 'Scrape',
        text: 'Let Shipwatch scrape a target: add it to shipwatch.yml and reload (SIGHUP or POST /-/reload). A prometheus.yml works as it is.',
      },
      'remote-write': {
        name: 'Remote write',
        text: 'Let a Prometheus, Agent or Alloy that runs already send what it collects: add this to its configuration.',
      },
      node: {
        name: 'Another machine',
        text: 'This machine is watched already. On another one, install node-exporter and scrape it.',
      },
      loki: {
        name: 'Push logs',
        text: 'Whatever pushes to Loki pushes here: Promtail, Alloy, Fluent Bit, or curl.',
      },
      file: {
        name: 'Log files',
        text: 'Let Shipwatch follow files on this machine; it survives rotation.',
      },
      deployment: {
        name: 'Deployments',
        text: 'Tell of each release from the pipeline, by the command line on this machine or by HTTP with a token of the scope “admin”.',
      },
    },
  },
}
