/**
 * OTLP over gRPC: `opentelemetry.proto.collector.metrics.v1.MetricsService/Export` on a port of its own.
 * Messages reach the receiver as bytes. Who may send is decided before a message is read, by the same
 * rules as for the receivers over HTTP; so is how many calls run, since a message is held whole.
 *
 * When we cannot take more, the status is UNAVAILABLE with RetryInfo, which senders repeat; what is
 * wrong is INVALID_ARGUMENT, which they do not.
 * Source: opentelemetry-proto docs/specification.md (OTLP/gRPC).
 */

import {
  type handleUnaryCall,
  logVerbosity,
  Metadata,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  ServerListenerBuilder,
  setLogVerbosity,
  status,
} from '@grpc/grpc-js'
import { CodedError, messageOf } from '../../../base/error.ts'
import type { Log } from '../../../base/log.ts'
import type { ReceiverReply } from '../body.ts'
import { encodeStatus } from './reply-wire.ts'

// It writes to the terminal by itself; what matters comes back as an error and goes to our log.
setLogVerbosity(logVerbosity.NONE)

/** Bytes of a message after decompression at most. */
const messageBytesMax = 64 * 1024 * 1024
/** Calls at once, whatever the connection; more are asked to come again. */
const callCountMax = 32
/** Seconds that a sender should wait when we cannot take more. */
const retrySeconds = 2

const exportMethod = {
  path: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  requestStream: false,
  responseStream: false,
  requestSerialize: (bytes: Buffer) => bytes,
  requestDeserialize: (bytes: Buffer) => bytes,
  responseSerialize: (bytes: Buffer) => bytes,
  responseDeserialize: (bytes: Buffer) => bytes,
}

/** Who calls: what the decision on admission looks at. */
export interface Caller {
  headers: Record<string, string>
  remoteAddress: string
}

/** Statuses of our answers over HTTP as codes of gRPC; others by their hundred. */
const codes = new Map<number, status>([
  [401, status.UNAUTHENTICATED],
  [403, status.PERMISSION_DENIED],
  [413, status.RESOURCE_EXHAUSTED],
  [429, status.UNAVAILABLE],
  [503, status.UNAVAILABLE],
])

/** The gRPC side of the OTLP receiver. */
export class OtlpGrpcServer {
  readonly #log: Log
  readonly #receive: (message: Buffer) => Promise<ReceiverReply>
  readonly #admit: (caller: Caller) => Promise<void>
  #server: Server | undefined
  #callCount = 0

  constructor(parts: {
    log: Log
    receive: (message: Buffer) => Promise<ReceiverReply>
    /** Rejects with the coded error when the caller may not send. */
    admit: (caller: Caller) => Promise<void>
  }) {
    this.#log = parts.log
    this.#receive = parts.receive
    this.#admit = parts.admit
  }

  /** Begins to take calls; gives the port, or `undefined`, with a warning, when it cannot be had. */
  async listen(address: string): Promise<number | undefined> {
    const server = new Server({
      'grpc.max_receive_message_length': messageBytesMax,
      'grpc.max_concurrent_streams': callCountMax,
      interceptors: [this.#makeGuard()],
    })
    server.addService({ Export: exportMethod }, { Export: this.#handle })
    // Port 0 is free by definition; any other may be another collector's.
    const bound = address.replace(/^:/, '0.0.0.0:')
    return new Promise((resolve) => {
      server.bindAsync(bound, ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) {
          this.#server = server
          resolve(port)
          return
        }
        server.forceShutdown()
        this.#log.warn(
          { listen: address, reason: messageOf(error) },
          'OTLP over gRPC is not taken: the port cannot be had. Choose another with otlp.grpc_listen.',
        )
        resolve(undefined)
      })
    })
  }

  /** Ends at once: senders repeat what was not acknowledged. */
  close(): void {
    this.#server?.forceShutdown()
    this.#server = undefined
  }

  readonly #handle: handleUnaryCall<Buffer, Buffer> = async (call, callback) => {
    const reply = await this.#receive(call.request)
    if (reply.status === 200) callback(null, reply.bytes ?? Buffer.alloc(0))
    else callback(makeFailure(reply.status, reply.body.trim()))
  }

  #makeGuard(): ServerInterceptor {
    return (_method, call) => {
      let isCounted = false
      const release = (): void => {
        if (isCounted) this.#callCount--
        isCounted = false
      }
      return new ServerInterceptingCall(call, {
        start: (next) => {
          const listener = new ServerListenerBuilder()
            .withOnReceiveMetadata((metadata, proceed) => {
              if (this.#callCount >= callCountMax) {
                call.sendStatus(
                  makeFailure(503, `${callCountMax} calls are being taken in already`),
                )
                return
              }
              isCounted = true
              this.#callCount++
              this.#admit(callerOf(call, metadata)).then(
                () => proceed(metadata),
                (thrown: unknown) => {
                  release()
                  call.sendStatus(failureOf(thrown))
                },
              )
            })
            .withOnCancel(release)
            .build()
          next(listener)
        },
        sendStatus: (answer, next) => {
          release()
          next(answer)
        },
      })
    }
  }
}

function callerOf(call: ServerInterceptingCallInterface, metadata: Metadata): Caller {
  const headers = Object.create(null) as Record<string, string>
  for (const [name, value] of Object.entries(metadata.getMap())) {
    if (typeof value === 'string') headers[name] = value
  }
  headers['host'] = call.getHost()
  const peer = call.getPeer()
  return { headers, remoteAddress: peer.replace(/:\d+$/, '').replace(/^\[|\]$/g, '') }
}

function failureOf(thrown: unknown) {
  return thrown instanceof CodedError
    ? makeFailure(thrown.status, thrown.message)
    : makeFailure(500, messageOf(thrown))
}

function makeFailure(httpStatus: number, details: string) {
  const code =
    codes.get(httpStatus) ?? (httpStatus < 500 ? status.INVALID_ARGUMENT : status.INTERNAL)
  const metadata = new Metadata()
  if (code === status.UNAVAILABLE) {
    metadata.set('grpc-status-details-bin', encodeStatus(code, details, retrySeconds))
  }
  return { code, details, metadata }
}
