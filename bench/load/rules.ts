/**
 * Alert rules over the fleet, in Prometheus's format: as a large installation has them, one in ten over a
 * cluster and the others over one series or a pair of one host. None of them ever fires.
 */

const rulesPerGroup = 100

/** So many rules, in groups of a hundred that are evaluated every 15 s; to be appended to other groups. */
export function writeFleetRules(ruleCount: number, hostCount: number): string {
  const lines: string[] = []
  for (let rule = 0; rule < ruleCount; rule++) {
    if (rule % rulesPerGroup === 0) {
      lines.push(`  - name: fleet-${rule / rulesPerGroup}`, '    interval: 15s', '    rules:')
    }
    const host = `instance="host-${String(rule % hostCount).padStart(5, '0')}:9100"`
    const forms = [
      `rate(node_cpu_seconds_total{${host},cpu="0",mode="idle"}[5m]) < 0`,
      `node_load1{${host}} > 1e9`,
      `node_filesystem_avail_bytes{${host},mountpoint="/"} / node_filesystem_size_bytes{${host},mountpoint="/"} < 0`,
      `predict_linear(node_filesystem_avail_bytes{${host},mountpoint="/"}[10m], 14400) < -1e15`,
      `sum by (cluster) (rate(node_network_receive_bytes_total{cluster="c${rule % 4}"}[5m])) > 1e15`,
      `1 - node_memory_MemAvailable_bytes{${host}} / node_memory_MemTotal_bytes{${host}} > 1e9`,
      `node_load15{${host}} < 0`,
      `increase(node_network_receive_errs_total{${host},device="eth0"}[5m]) > 1e9`,
      `avg_over_time(node_memory_Cached_bytes{${host}}[5m]) < 0`,
      `max by (instance) (rate(node_disk_io_time_seconds_total{${host}}[5m])) > 1e9`,
    ]
    lines.push(
      `      - { alert: Fleet${rule}, expr: '${forms[rule % forms.length]}', for: 1m, labels: { severity: page } }`,
    )
  }
  return `${lines.join('\n')}\n`
}
