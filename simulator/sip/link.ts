import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { Report, SipRuleId } from './rules-used.js';
import { SipSocket, type SipSocketEvents } from './sip-socket.js';

/** Where the gateway is and how its certificate is judged. */
export interface GatewayAddress {
  /** The hostname configured at Meta for the number: sent as SNI, verified, and the host of every request-URI. */
  readonly hostname: string;
  /** Default 5061. */
  readonly port?: number;
  /** Address to connect to instead of resolving the hostname. */
  readonly address?: string;
}

export interface LinkTls {
  /** PEM of the CAs to trust. Default: those of Node. */
  readonly ca?: string | readonly string[];
  /** Goes on with a certificate that does not verify; the violation is reported all the same. */
  readonly insecure?: boolean;
  /** Meta's client certificate (PEM), presented only if the gateway asks. */
  readonly clientCertificate?: { readonly key: string; readonly certificate: string };
}

/** The link to the gateway could not be opened; `rule` says which of Meta's rules was in the way, if one was. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
  constructor(
    message: string,
    readonly rule?: SipRuleId,
  ) {
    super(message);
  }
}

/** Opens a TLS link as Meta does: SNI and verified name are the configured hostname, no ALPN. Rejects with LinkError. */
export function openLink(
  gateway: GatewayAddress,
  tls: LinkTls,
  localAddress: string | undefined,
  events: SipSocketEvents & { report: Report },
): { opened: Promise<SipSocket>; abort: () => void } {
  const socket = connect(connectionOptions(gateway, tls, localAddress));
  const opened = new Promise<SipSocket>((resolve, reject) => {
    const fail = (error: Error): void => {
      reject(new LinkError(`no TLS link to ${where(gateway)}: ${error.message}`));
    };
    const closed = (): void => {
      fail(new Error('closed before the handshake was done'));
    };
    socket.once('error', fail);
    socket.once('close', closed);
    socket.once('secureConnect', () => {
      socket.off('error', fail);
      socket.off('close', closed);
      const refusal = judge(socket, gateway, events.report);
      if (refusal && tls.insecure !== true) {
        socket.destroy();
        reject(refusal);
        return;
      }
      if (refusal?.rule) events.report(refusal.rule, refusal.message);
      resolve(new SipSocket(socket, events));
    });
  });
  return { opened, abort: () => socket.destroy() };
}

function where({ hostname, address, port = 5061 }: GatewayAddress): string {
  return address === undefined ? `${hostname}:${port}` : `${hostname} at ${address}:${port}`;
}

function connectionOptions(gateway: GatewayAddress, tls: LinkTls, localAddress?: string): ConnectionOptions {
  return {
    host: gateway.address ?? gateway.hostname,
    port: gateway.port ?? 5061,
    servername: gateway.hostname,
    minVersion: 'TLSv1.2',
    // Judged after the handshake, so that chain and name can be told apart.
    rejectUnauthorized: false,
    ...(localAddress !== undefined && { localAddress }),
    ...(tls.ca !== undefined && { ca: [tls.ca].flat() }),
    ...(tls.clientCertificate && { key: tls.clientCertificate.key, cert: tls.clientCertificate.certificate }),
  };
}

function judge(socket: TLSSocket, gateway: GatewayAddress, report: Report): LinkError | undefined {
  if (socket.alpnProtocol !== false && socket.alpnProtocol !== null) {
    report('alpn', `the server selected "${socket.alpnProtocol}"`);
  }
  // On a client these come from the server's CertificateRequest, in TLS 1.2 and 1.3: none without one.
  if (socket.getSharedSigalgs().length > 0) report('tls-client-cert-requested', where(gateway));
  if (socket.authorized) return undefined;
  const code = errorCode(socket.authorizationError);
  const rule = code === 'ERR_TLS_CERT_ALTNAME_INVALID' ? 'tls-hostname' : 'tls-certificate';
  return new LinkError(`certificate of ${where(gateway)}: ${code}`, rule);
}

/** Node types the field as Error, yet sets a code string for chain faults. */
function errorCode(error: unknown): string {
  if (error instanceof Error) return 'code' in error ? String(error.code) : error.message;
  return String(error);
}
