import { BUTTON_LIMITS, buttonFaults, sendButton } from '../whatsapp/messages/button.js';
import type { CallButton } from '../whatsapp/messages/button.js';
import { EXIT, integerOption, parse, UsageError } from './command.js';
import type { Command } from './command.js';
import { CONFIG_HELP, CONFIG_OPTION, loadNamed } from './config-file.js';
import { managedNumber, withGraph } from './graph-access.js';

const [TTL_MIN, TTL_MAX] = BUTTON_LIMITS.ttlMinutes;

export const command: Command = {
  help: `Usage: wa-trunk button USER --text TEXT [--number N] [OPTION]…

Sends a WhatsApp user a message with a button that calls the business number. Meta takes it only while the user's service
window is open: 24 hours from what the user last wrote. USER is an E.164 number with its +, or a user id (US.1349…).

${CONFIG_HELP}
      --number N           the business number (default: the only one of the configuration)
      --text TEXT          the message, at most ${BUTTON_LIMITS.text} characters
      --display-text TEXT  on the button, at most ${BUTTON_LIMITS.displayText} characters (default: Meta's, Call Now)
      --ttl MINUTES        how long the button works, ${TTL_MIN} to ${TTL_MAX} (default: Meta's, 7 days)
      --payload TEXT       told to the PBX with the call (X-WA-Cta-Payload), at most ${BUTTON_LIMITS.payload} characters
      --json               the result as one JSON object`,

  async run(args, io) {
    const { values, positionals } = parse(args, OPTIONS, true);
    const button = readButton(values, positionals);
    const { config, file } = loadNamed(values.config, io);
    const number = managedNumber(config, file, values.number);
    const sent = await withGraph(config, file, ({ graph }) => sendButton(graph, number.phoneNumberId, button));
    if (values.json === true) io.out(JSON.stringify({ number: number.number, user: button.user, ...sent }));
    else
      io.out(`sent to ${button.user} by ${number.number}${sent.messageId === undefined ? '' : `: ${sent.messageId}`}`);
    return EXIT.good;
  },
};

const text = { type: 'string' } as const;
const OPTIONS = {
  ...CONFIG_OPTION,
  ...{ number: text, text, 'display-text': text, ttl: text, payload: text },
  json: { type: 'boolean' },
} as const;

const OPTION_OF: Readonly<Record<keyof CallButton, string>> = {
  user: 'USER',
  text: '--text',
  displayText: '--display-text',
  ttlMinutes: '--ttl',
  payload: '--payload',
};

function readButton(
  values: { text?: string; 'display-text'?: string; ttl?: string; payload?: string },
  [user, ...more]: readonly string[],
): CallButton {
  if (user === undefined) throw new UsageError('USER is missing, such as +4915112345678');
  if (more.length > 0) throw new UsageError(`unexpected argument '${more[0] ?? ''}'`);
  if (values.text === undefined) throw new UsageError('--text is missing');
  const button: CallButton = {
    user,
    text: values.text,
    ...(values['display-text'] === undefined ? {} : { displayText: values['display-text'] }),
    ...(values.ttl === undefined ? {} : { ttlMinutes: integerOption('ttl', values.ttl, TTL_MIN, TTL_MAX) }),
    ...(values.payload === undefined ? {} : { payload: values.payload }),
  };
  const [first] = buttonFaults(button);
  if (first !== undefined) throw new UsageError(`${OPTION_OF[first.field]}: ${first.fault}`);
  return button;
}
