/** How calls to WhatsApp ended, as Asterisk saw it: from its log. */

export interface TrunkOutcome {
  /** What was dialled on the trunk. */
  readonly dialled: string;
  /** DIALSTATUS: ANSWER, BUSY, NOANSWER, CANCEL, CONGESTION, CHANUNAVAIL. */
  readonly dialStatus: string;
  /** HANGUPCAUSE: Q.850. */
  readonly cause: number;
  /** HANGUPCAUSE(…,tech): the last SIP status, and its reason text as the other side wrote it. */
  readonly sip: { readonly status: number; readonly phrase: string } | undefined;
}

const LINE = /NOTICE\[.*?WhatsApp call to (.*?): ([A-Z]*), cause (\d+), (?:SIP (\d{3}) (.*)|.*)$/gm;

/** The lines of the hangup handler in asterisk/extensions-calls.conf. */
export function trunkOutcomes(log: string): TrunkOutcome[] {
  return [...log.matchAll(LINE)].map(([, dialled = '', dialStatus = '', cause, status, phrase = '']) => ({
    ...{ dialled, dialStatus, cause: Number(cause) },
    sip: status === undefined ? undefined : { status: Number(status), phrase },
  }));
}

/** A response that came in: as `pjsip set logger on` writes it, which Asterisk's dial-plan cannot see all of. */
export interface LoggedResponse {
  readonly status: number;
  /** User part of the To. */
  readonly dialled: string;
  header(name: string): string | undefined;
}

/** Final responses to INVITE in the log. */
export function finalResponses(log: string): LoggedResponse[] {
  const found = log.matchAll(/<--- Received SIP response .*?--->\n(SIP\/2\.0 ([2-6]\d\d)[^\n]*\n.*?)\n\r?\n/gs);
  return [...found].flatMap(([, text = '', status]) => {
    const header = (name: string): string | undefined =>
      new RegExp(`^${name}\\s*:\\s*(.*?)\\r?$`, 'im').exec(text)?.[1]?.trim();
    if (header('CSeq')?.endsWith('INVITE') !== true) return [];
    const dialled = /sips?:([^@;>]*)@/.exec(header('To') ?? header('t') ?? '')?.[1] ?? '';
    return [{ status: Number(status), dialled, header }];
  });
}
