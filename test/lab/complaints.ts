/** Asterisk's own race of an answer with a CANCEL: no file has a part in it. */
const CROSSING = 'Session already DISCONNECTED [reason=487';
/** Of files that any Asterisk has and that are none of ours. */
const MISSING_SYSTEM_FILES = /(ccss|cdr|cel|indications|acl|udptl|pjproject)\.conf/;

/** What Asterisk's log has against the files of asterisk/. */
export function complaintsOf(log: string): string[] {
  const complaints = log.split('\n').filter((line) => /\] (WARNING|ERROR)\[/.test(line));
  return complaints.filter((line) => !MISSING_SYSTEM_FILES.test(line) && !line.includes(CROSSING));
}
