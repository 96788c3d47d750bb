import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { glob, packageRoot } from '../components/cache.js';
import type { Component } from '../components/index.js';
import { toneWav } from './tone-wav.js';

/** What a phone dials for a call to WhatsApp: `prefix` and the user's number. */
export interface OutboundRoute {
  readonly prefix: string;
  /** The business number, +E.164. */
  readonly number: string;
  /** Which of Asterisk's endpoints: with all codecs, PCMA only, Opus only, PCMA with hold passed on, or the one that registers. */
  readonly trunk: 'wa-trunk' | 'wa-trunk-pcma' | 'wa-trunk-opus' | 'wa-trunk-hold' | 'wa-trunk-registered';
}

/** A trunk at the gateway that this Asterisk registers for, from {@link BRANCH_ADDRESS}. */
export interface Registration {
  readonly password: string;
  /** The one with which it can answer challenges; it answers the last of several all the same. */
  readonly algorithm: 'MD5' | 'SHA-256';
}

/** The PBX without a fixed address: not the one by which the gateway knows the other trunks of the same Asterisk. */
export const BRANCH_ADDRESS = '127.0.0.3';
/** As in asterisk/pjsip-register.conf. */
export const BRANCH_USER = 'branch';

/** What the operator's files in asterisk/ need to know about this run. Ports are UDP on 127.0.0.1. */
export interface AsteriskSettings {
  readonly sipPort: number;
  readonly pcmaSipPort: number;
  readonly opusSipPort: number;
  readonly holdSipPort: number;
  /** Of the trunk that registers, on {@link BRANCH_ADDRESS}. */
  readonly branchSipPort: number;
  readonly registration: Registration | undefined;
  readonly rtpPorts: { readonly min: number; readonly max: number };
  /** `host:port` where the gateway expects the PBX's SIP. */
  readonly trunk: string;
  readonly outbound: readonly OutboundRoute[];
}

/** The music on hold: a tone, so that it can be measured. */
export const MUSIC_HZ = 350;

/** Of the phones 100, 101 and 102 in asterisk/pjsip-phones.conf. */
export const PHONE_PASSWORD = 'demo-password-of-phones';

/** Only these are loaded: it boots in half a second, and misses no library. */
const MODULES = [
  'app_dial',
  'app_directed_pickup',
  'app_echo',
  'app_mixmonitor',
  'app_playback',
  'app_playtones',
  'app_queue',
  'app_read',
  'app_senddtmf',
  'app_stack',
  'app_transfer',
  'app_verbose',
  'app_while',
  'bridge_builtin_features',
  'bridge_holding',
  'bridge_native_rtp',
  'bridge_simple',
  'bridge_softmix',
  'chan_pjsip',
  'codec_alaw',
  'codec_gsm',
  'codec_opus_open_source',
  'codec_resample',
  'codec_ulaw',
  'format_gsm',
  'format_pcm',
  'format_sln',
  'format_wav',
  'func_callerid',
  'func_channel',
  'func_env',
  'func_hangupcause',
  'func_logic',
  'func_pjsip_endpoint',
  'func_strings',
  'func_timeout',
  'pbx_config',
  'res_clioriginate',
  'res_format_attr_opus',
  'res_musiconhold',
  'res_parking',
  'res_pjproject',
  'res_pjsip',
  'res_pjsip_authenticator_digest',
  'res_pjsip_caller_id',
  'res_pjsip_dtmf_info',
  'res_pjsip_endpoint_identifier_ip',
  'res_pjsip_endpoint_identifier_user',
  'res_pjsip_header_funcs',
  'res_pjsip_logger',
  'res_pjsip_nat',
  'res_pjsip_outbound_authenticator_digest',
  'res_pjsip_outbound_registration',
  'res_pjsip_pubsub', // chan_pjsip wants it
  'res_pjsip_refer',
  'res_pjsip_registrar',
  'res_pjsip_rfc3326',
  'res_pjsip_sdp_rtp',
  'res_pjsip_session',
  'res_rtp_asterisk',
  'res_sorcery_astdb',
  'res_sorcery_config',
  'res_sorcery_memory',
  'res_srtp',
  'res_timing_timerfd',
];

/** The folders of one Asterisk below its own temporary folder. */
export function asteriskFolders(folder: string): {
  etc: string;
  log: string;
  run: string;
  results: string;
  music: string;
} {
  return {
    etc: join(folder, 'etc'),
    log: join(folder, 'log'),
    run: join(folder, 'run'),
    results: join(folder, 'spool', 'monitor'),
    music: join(folder, 'moh'),
  };
}

/**
 * Writes Asterisk's configuration: the operator's files from asterisk/ with this run's addresses in place of their
 * defaults, and what any installation has anyway.
 * @throws Error when one of the operator's files no longer has a default that must be replaced
 */
export async function writeAsteriskConfig(
  component: Component,
  folder: string,
  settings: AsteriskSettings,
): Promise<void> {
  const folders = asteriskFolders(folder);
  const dirs = [...Object.values(folders), join(folder, 'lib'), join(folder, 'spool')];
  for (const dir of dirs) await mkdir(dir, { recursive: true });
  const trunkHost = settings.trunk.slice(0, settings.trunk.lastIndexOf(':'));
  const pjsip = await operatorFile('pjsip.conf', {
    'bind=127.0.0.1:5060': `bind=127.0.0.1:${settings.sipPort}`,
    'sip:127.0.0.1:5080': `sip:${settings.trunk}`,
    'match=127.0.0.1': `match=${trunkHost}`,
  });
  const singleCodec = await operatorFile('pjsip-single-codec.conf', {
    ':5062': `:${settings.pcmaSipPort}`,
    ':5064': `:${settings.opusSipPort}`,
  });
  const hold = await operatorFile('pjsip-hold.conf', { ':5066': `:${settings.holdSipPort}` });
  await mkdir(folders.music, { recursive: true });
  await writeFile(join(folders.music, 'tone.wav'), toneWav(MUSIC_HZ));
  const files: Readonly<Record<string, string>> = {
    'asterisk.conf': asteriskConf(component, folder),
    'modules.conf': ['[modules]', 'autoload=no', ...MODULES.map((name) => `load=${name}.so`), ''].join('\n'),
    'logger.conf': '[general]\ndateformat=%F %T.%3q\n[logfiles]\nfull => notice,warning,error,verbose(3),dtmf\n',
    'rtp.conf': `[general]\nrtpstart=${settings.rtpPorts.min}\nrtpend=${settings.rtpPorts.max}\nicesupport=no\n`,
    'pjsip.conf': ['single-codec', 'hold', 'phones', ...(settings.registration ? ['register'] : [])].reduce(
      (text, one) => `${text}#include pjsip-${one}.conf\n`,
      pjsip,
    ),
    ...(settings.registration && { 'pjsip-register.conf': await registering(settings, settings.registration) }),
    'pjsip-single-codec.conf': singleCodec,
    'pjsip-hold.conf': hold,
    'pjsip-phones.conf': await operatorFile('pjsip-phones.conf', {}),
    'extensions.conf': `${await operatorFile('extensions.conf', {})}#include extensions-lab.conf\n`,
    'extensions-lab.conf': outbound(settings.outbound),
    'extensions-calls.conf': await operatorFile('extensions-calls.conf', {}),
    'queues.conf': await operatorFile('queues.conf', {}),
    'res_parking.conf': await operatorFile('res_parking.conf', {}),
    'features.conf': await operatorFile('features.conf', {}),
    'musiconhold.conf': await operatorFile('musiconhold.conf', { '/var/lib/asterisk/moh': folders.music }),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folders.etc, name), text);
}

/** More ways to dial out than one installation has, next to those of extensions-calls.conf. */
function outbound(routes: readonly OutboundRoute[]): string {
  const lines = routes.flatMap(({ prefix, number, trunk }) => [
    `exten => _${prefix}.,1,Set(WA_NUMBER=${number})`,
    ` same => n,Set(WA_TRUNK=${trunk})`,
    ` same => n,Goto(wa-trunk-out,\${EXTEN:${prefix.length}},1)`,
  ]);
  return ['[to-whatsapp](+)', ...lines, ''].join('\n');
}

/** With a transport of its own, as the other trunks of this Asterisk are at another address. */
async function registering(
  { trunk, branchSipPort }: AsteriskSettings,
  { password, algorithm }: Registration,
): Promise<string> {
  const text = await operatorFile('pjsip-register.conf', {
    '127.0.0.1:5080': trunk,
    'transport=wa-trunk-udp': 'transport=wa-trunk-branch-udp',
    'password=demo-password-of-the-branch': `password=${password}\nsupported_algorithms_uac=${algorithm}`,
  });
  const bind = `${BRANCH_ADDRESS}:${branchSipPort}`;
  return `[wa-trunk-branch-udp]\ntype=transport\nprotocol=udp\nbind=${bind}\n\n${text}`;
}

async function operatorFile(name: string, replacements: Readonly<Record<string, string>>): Promise<string> {
  const path = join(packageRoot(), 'asterisk', name);
  let text = await readFile(path, 'utf8');
  for (const [old, value] of Object.entries(replacements)) {
    if (!text.includes(old)) throw new Error(`${path}: has no "${old}" any more, which the lab must replace`);
    text = text.replaceAll(old, value);
  }
  return text;
}

function asteriskConf(component: Component, folder: string): string {
  const folders = asteriskFolders(folder);
  const [moduleDir] = glob(component.root, 'usr/lib/<triplet>/asterisk/modules');
  const data = join(component.root, 'usr/share/asterisk');
  return [
    '[directories]', // Debian's own file has a (!) here, which makes it a template without effect
    `astetcdir => ${folders.etc}`,
    `astmoddir => ${moduleDir ?? ''}`,
    `astvarlibdir => ${join(folder, 'lib')}`,
    `astdbdir => ${join(folder, 'lib')}`,
    `astkeydir => ${join(folder, 'lib')}`,
    `astdatadir => ${data}`,
    `astagidir => ${join(data, 'agi-bin')}`,
    `astspooldir => ${join(folder, 'spool')}`,
    `astrundir => ${folders.run}`,
    `astlogdir => ${folders.log}`,
    '[options]',
    'nocolor = yes',
    'verbose = 3',
    'systemname =',
    '',
  ].join('\n');
}
