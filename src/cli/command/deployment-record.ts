/** `shipwatch deployment record`: what a pipeline calls right after (or before) it ships. */

import { apiRoot, type DeploymentRequest } from '../../api/api.ts'
import type { Deployment } from '../../model/deployment.ts'
import { makeClient } from '../client.ts'
import { type Command, clientOptions, exitCodes, UsageError } from './command.ts'

/** Posts one deployment. */
export const deploymentRecordCommand: Command = {
  name: 'deployment record',
  summary: 'Tell Shipwatch that a service was deployed.',
  details: `Example, as the last step of a pipeline:
  shipwatch deployment record --service checkout --version v2 --environment production --actor "$USER"`,
  options: {
    service: {
      type: 'string',
      valueName: 'NAME',
      description: 'Service that was deployed. Required.',
    },
    version: {
      type: 'string',
      valueName: 'VERSION',
      description: 'Version that runs now. Required.',
    },
    'previous-version': {
      type: 'string',
      valueName: 'VERSION',
      description: 'Version before. Default: the last one recorded.',
    },
    environment: {
      type: 'string',
      valueName: 'NAME',
      description: 'Environment. Default: production.',
    },
    actor: { type: 'string', valueName: 'NAME', description: 'Who or what deployed.' },
    link: { type: 'string', valueName: 'URL', description: 'Commit, pull request or pipeline.' },
    note: { type: 'string', valueName: 'TEXT', description: 'A line about the change.' },
    ...clientOptions,
  },
  run: async (args, output) => {
    const service = args.text('service')
    const deployed = args.text('version')
    if (service === undefined || deployed === undefined)
      throw new UsageError('--service and --version are required')
    const request: DeploymentRequest = { service, version: deployed }
    const optional = {
      previousVersion: args.text('previous-version'),
      environment: args.text('environment'),
      actor: args.text('actor'),
      url: args.text('link'),
      note: args.text('note'),
    }
    for (const [name, value] of Object.entries(optional)) {
      if (value !== undefined) Object.assign(request, { [name]: value })
    }
    const deployment = await makeClient(args).post<Deployment>(`${apiRoot}/deployments`, request)
    if (args.text('output') === 'json') output.out(`${JSON.stringify(deployment)}\n`)
    else {
      const before = deployment.previousVersion === '' ? '' : `${deployment.previousVersion} → `
      output.out(
        `Recorded ${deployment.id}: ${deployment.service} ${before}${deployment.version} in ${deployment.environment}\n`,
      )
    }
    return exitCodes.fine
  },
}
