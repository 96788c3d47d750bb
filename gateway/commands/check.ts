import { stringify } from 'yaml';
import { redacted } from '../config/index.js';
import type { Config, NumberConfig } from '../config/index.js';
import { EXIT, parse } from './command.js';
import type { Command } from './command.js';
import { CONFIG_HELP, CONFIG_OPTION, loadNamed } from './config-file.js';

export const command: Command = {
  help: `Usage: wa-trunk check [-c FILE] [--show]

Checks the configuration, the files it names and the certificate, without starting anything.
Each fault is one line on stderr; with a fault the exit code is 2.

${CONFIG_HELP}
      --show          print all that was loaded, defaults included and secrets left out, as YAML`,

  run(args, io) {
    const { values } = parse(args, { ...CONFIG_OPTION, show: { type: 'boolean' } });
    const { config, warnings, file } = loadNamed(values.config, io);
    if (values.show === true) {
      io.out(stringify(redacted(config)).trimEnd());
    } else {
      io.out(`${file}: ok${warnings.length === 0 ? '' : `, with ${count(warnings.length, 'warning')}`}`);
      for (const line of summary(config)) io.out(`  ${line}`);
    }
    return Promise.resolve(EXIT.good);
  },
};

function summary(config: Config): readonly string[] {
  const routes = config.routes.length === 0 ? [] : [count(config.routes.length, 'route')];
  return [...config.numbers.map((number) => describe(number, config)), ...routes];
}

/** `+15551234567 (dtls, opus) -> office: udp 10.0.0.10, udp 10.0.0.11:5080 (PCMA, PCMU)` */
function describe(number: NumberConfig, config: Config): string {
  const trunk = config.trunks.find(({ name }) => name === number.trunk);
  const hosts = (trunk?.hosts ?? []).map(
    ({ transport, host, port }) =>
      `${transport} ${host.includes(':') ? `[${host}]` : host}${port === undefined ? '' : `:${port}`}`,
  );
  const whatsapp = [number.keying, ...number.codecs].join(', ');
  return `${number.number} (${whatsapp}) -> ${number.trunk}: ${hosts.join(', ')} (${(trunk?.codecs ?? []).join(', ')})`;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
