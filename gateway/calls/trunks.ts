/** What the calls know of trunks: which hosts to try, and how to tell what became of one. gateway/pbx/ fits it. */
import type { TrunkConfig } from '../config/types.js';
import type { OutgoingInvite } from '../sip/port.js';

export interface Trunks {
  /** For one call, in the order to try. */
  choose(trunk: string): Choice;
  report(trunk: string, host: string, how: 'answered' | 'unreachable'): void;
}

export interface Choice {
  readonly peers: readonly TrunkPeer[];
  /** None of them is alive, as far as is known. */
  readonly down: boolean;
}

export interface TrunkPeer {
  readonly name: string;
  target(extension?: string): Pick<OutgoingInvite, 'requestUri' | 'to' | 'nextHop'>;
}

/** An INVITE to another extension of the PBX, at the host that would be tried first. */
export function redialAt(
  trunks: Trunks,
  trunk: TrunkConfig,
  extension: string,
  rest: Pick<OutgoingInvite, 'from' | 'headers' | 'sdp'>,
): OutgoingInvite | undefined {
  const [peer] = trunks.choose(trunk.name).peers;
  return peer && { ...peer.target(extension), ...rest };
}
