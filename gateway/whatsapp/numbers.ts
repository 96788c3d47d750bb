import { GraphError } from './graph/port.js';
import type { Graph, GraphObject } from './graph/port.js';
import { readSettings } from './settings/current.js';
import type { Restriction } from './settings/current.js';
import { asInteger, asList, asObject, asObjects, asText, asWord } from './settings/lenient.js';

/** A number of the business account as Meta has it. */
export interface NumberState {
  readonly phoneNumberId: string;
  /** E.164 with "+", of what Meta shows; absent: Meta shows none. */
  readonly number?: string;
  readonly name?: string;
  readonly quality?: string;
  /** Absent: `problem` says why it is not known. */
  readonly calling?: {
    readonly status: string;
    readonly sip: string;
    /** `host:port` of this app's server. */
    readonly server?: string;
    readonly foreignServers: readonly string[];
    readonly keying: string;
    readonly restrictions: readonly Restriction[];
  };
  /** AVAILABLE, LIMITED or BLOCKED for calls over SIP; absent: not known. */
  readonly health?: { readonly sip: string; readonly problems: readonly HealthProblem[] };
  readonly configured: boolean;
  readonly problem?: string;
}

export interface HealthProblem {
  readonly code?: number;
  readonly text: string;
  readonly solution?: string;
}

export interface NumbersQuery {
  readonly graph: Graph;
  /** Absent: the configured numbers alone are asked about. */
  readonly businessAccountId: string | undefined;
  /** Ids of the configured numbers. */
  readonly configured: readonly string[];
  readonly appId: string | undefined;
}

const FIELDS = 'id,display_phone_number,verified_name,quality_rating';
const MAX_PAGES = 100;

/** Rejects with GraphError when the account cannot be read; what fails for one number is its `problem`. */
export async function listNumbers(query: NumbersQuery): Promise<readonly NumberState[]> {
  const { businessAccountId, configured } = query;
  const listed = businessAccountId === undefined ? [] : await numbersOf(query.graph, businessAccountId);
  const ids = listed.map(({ id }) => asText(id) ?? '');
  const others = configured.filter((id) => !ids.includes(id));
  const states: NumberState[] = [];
  for (const number of listed) states.push(await stateOf(number, query));
  for (const id of others) states.push(await stateOf({ id }, query, true));
  return states;
}

async function numbersOf(graph: Graph, account: string): Promise<readonly GraphObject[]> {
  const numbers: GraphObject[] = [];
  let after: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const query = { fields: FIELDS, limit: '100', ...(after === undefined ? {} : { after }) };
    const reply = await graph.get(`${account}/phone_numbers`, query);
    numbers.push(...asObjects(reply.data));
    const paging = asObject(reply.paging);
    after = asText(asObject(paging?.cursors)?.after);
    if (paging?.next === undefined || after === undefined) break;
  }
  return numbers.filter(({ id }) => asText(id) !== undefined);
}

async function stateOf(
  raw: GraphObject,
  { graph, configured, appId }: NumbersQuery,
  ask = false,
): Promise<NumberState> {
  const phoneNumberId = asText(raw.id) ?? '';
  const base = { phoneNumberId, configured: configured.includes(phoneNumberId) };
  try {
    const shown = ask ? await graph.get(phoneNumberId, { fields: FIELDS }) : raw;
    const calling = callingOf(await graph.get(`${phoneNumberId}/settings`), appId);
    const health = healthOf(await graph.get(phoneNumberId, { fields: 'health_status' }));
    return { ...base, ...identityOf(shown), calling, ...(health && { health }) };
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    return { ...base, ...identityOf(raw), problem: error.message };
  }
}

function identityOf(raw: GraphObject): Pick<NumberState, 'number' | 'name' | 'quality'> {
  const digits = asText(raw.display_phone_number)?.replace(/\D/g, '') ?? '';
  const name = asText(raw.verified_name);
  const quality = asWord(raw.quality_rating);
  return {
    ...(digits === '' ? {} : { number: `+${digits}` }),
    ...(name === undefined ? {} : { name }),
    ...(quality === undefined ? {} : { quality }),
  };
}

function callingOf(reply: GraphObject, appId: string | undefined): NonNullable<NumberState['calling']> {
  const { calling, foreignServers, restrictions } = readSettings(reply, appId);
  const [server] = calling.sip?.servers ?? [];
  return {
    status: calling.status ?? 'DISABLED',
    sip: calling.sip?.status ?? 'DISABLED',
    ...(server === undefined ? {} : { server: `${server.hostname}:${server.port}` }),
    foreignServers: foreignServers.map(({ hostname, port }) => `${hostname}:${port}`),
    keying: calling.srtp_key_exchange_protocol ?? 'DTLS',
    restrictions,
  };
}

const WORST_FIRST = ['BLOCKED', 'LIMITED', 'AVAILABLE'];

/** can_receive_call_sip is of the number and of the app; the worse of them counts. */
function healthOf(reply: GraphObject): NumberState['health'] {
  const entities = asObjects(asObject(reply.health_status)?.entities);
  const states = entities.flatMap(({ can_receive_call_sip: state }) => asWord(state) ?? []);
  if (states.length === 0) return undefined;
  const sip = WORST_FIRST.find((state) => states.includes(state)) ?? states[0] ?? '';
  const concerned = entities.filter((entity) => entity.can_receive_call_sip !== undefined);
  return { sip, problems: concerned.flatMap(problemsOf) };
}

function problemsOf(entity: GraphObject): readonly HealthProblem[] {
  const errors = asObjects(entity.errors).flatMap((error): HealthProblem[] => {
    const text = asText(error.error_description);
    const code = asInteger(error.error_code);
    const solution = asText(error.possible_solution);
    if (text === undefined) return [];
    return [{ ...(code === undefined ? {} : { code }), text, ...(solution === undefined ? {} : { solution }) }];
  });
  return [
    ...errors,
    ...asList(entity.additional_info)
      .flatMap((one) => asText(one) ?? [])
      .map((text) => ({ text })),
  ];
}
