/** Which service and environment an alert or a section of the configuration is about. */

import type { ServiceSettings } from './settings.ts'

/** A service in an environment; `matchers` select its series. */
export interface ServiceIdentity {
  name: string
  environment: string
  /** PromQL matchers without braces, for example `service="checkout"`; empty when nothing selects it. */
  matchers: string
}

const serviceLabels = ['service', 'service_name', 'app', 'app_kubernetes_io_name', 'job'] as const
const environmentLabels = ['environment', 'env', 'deployment_environment'] as const

/** Finds the service of an alert's labels; an alert that names none belongs to the service "". */
export function serviceOfLabels(
  labels: ReadonlyMap<string, string>,
  parts: { services: readonly ServiceSettings[]; defaultEnvironment: string },
): ServiceIdentity {
  const label = serviceLabels.find((name) => (labels.get(name) ?? '') !== '')
  const name = label === undefined ? '' : labels.get(label)!
  const environmentLabel = environmentLabels.find((other) => (labels.get(other) ?? '') !== '')
  const environment =
    environmentLabel === undefined ? parts.defaultEnvironment : labels.get(environmentLabel)!
  const settings = findServiceSettings(parts.services, name, environment)
  const own = label === undefined ? '' : `${label}=${quoteValue(name)}`
  let matchers = settings?.selector ?? own
  if (environmentLabel !== undefined && matchers !== '') {
    matchers += `, ${environmentLabel}=${quoteValue(environment)}`
  }
  return { name, environment, matchers }
}

/** The identity of a service that is known by name only, as a deployment names it. */
export function serviceOfName(
  name: string,
  environment: string,
  services: readonly ServiceSettings[],
): ServiceIdentity {
  const settings = findServiceSettings(services, name, environment)
  return { name, environment, matchers: settings?.selector ?? `service=${quoteValue(name)}` }
}

/** The entry of `services` for a service; one that names the environment comes first. */
export function findServiceSettings(
  services: readonly ServiceSettings[],
  name: string,
  environment: string,
): ServiceSettings | undefined {
  return (
    services.find((service) => service.name === name && service.environment === environment) ??
    services.find((service) => service.name === name && service.environment === undefined)
  )
}

/** A PromQL string. */
export function quoteValue(value: string): string {
  return JSON.stringify(value)
}
