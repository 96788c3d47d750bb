/** Meta as one: what the Graph API holds decides what the SIP edge does, and calls count where the Graph API counts them. */
import type { Codec } from './media/types.js';
import type { GraphSim, NumberState } from './graph/index.js';
import type { BusinessCall } from './sip/business/business-call.js';
import type { PlanOf } from './sip/business/desk.js';
import type { MetaEdge } from './sip/edge.js';

export interface JoinedMeta {
  /** What users do with calls of the business that they have permitted. */
  onBusinessCall(planOf: PlanOf): void;
  /** The Graph API no longer reaches the edge. Idempotent. */
  close(): void;
}

/**
 * The edge knows a number as long as calling and SIP are enabled for it and it has a server. A call of the business without the
 * user's permission is refused, and every one counts.
 */
export function joinMeta(edge: MetaEdge, graph: GraphSim): JoinedMeta {
  const follow = (settings: NumberState): void => setNumber(edge, graph, settings);
  for (const settings of graph.state.numbers) follow(settings);
  const close = graph.onSettings(follow);
  return {
    onBusinessCall: (planOf) => {
      edge.onBusinessCall((call) => {
        if (!isPermitted(graph, call)) return { kind: 'refuse', refusal: 'no-permission' };
        void count(graph, call);
        return planOf(call);
      });
    },
    close: () => void close(),
  };
}

function setNumber(edge: MetaEdge, graph: GraphSim, { phoneNumberId, number, calling }: NumberState): void {
  const password = graph.passwordOf(phoneNumberId);
  if (password === undefined || calling.status !== 'ENABLED' || calling.sip?.status !== 'ENABLED') {
    return edge.removeNumber(number);
  }
  const more = (calling.audio?.additional_codecs ?? []) as readonly Codec[];
  const keying = calling.srtp_key_exchange_protocol === 'SDES' ? 'sdes' : 'dtls';
  edge.setNumber({ number, password, keying, codecs: ['opus', ...more], phoneNumberId });
}

function isPermitted(graph: GraphSim, { from, to }: BusinessCall): boolean {
  const { kind } = graph.state.pair(from, to);
  return kind !== 'none';
}

async function count(graph: GraphSim, call: BusinessCall): Promise<void> {
  const answeredAt = call.answered.then((answer) => (answer === undefined ? undefined : performance.now()));
  const { by, cause } = await call.ended;
  const since = await answeredAt;
  const rejected = by === 'user' && cause === 'rejected';
  graph.recordCall({
    ...{ number: call.from, user: call.to, direction: 'business-initiated', wacid: call.id.wacid },
    outcome: since !== undefined ? 'connected' : rejected ? 'rejected' : 'unanswered',
    durationMs: since === undefined ? 0 : Math.round(performance.now() - since),
  });
}
