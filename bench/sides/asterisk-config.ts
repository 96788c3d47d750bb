import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { glob } from '../../lab/components/cache.js';
import type { Component } from '../../lab/components/index.js';
import type { SideOptions } from './side.js';

/** What this Asterisk needs and nothing else, so that it is at its fastest. */
const MODULES = [
  'app_dial',
  'bridge_simple',
  'bridge_native_rtp',
  'chan_pjsip',
  'codec_alaw',
  'codec_opus_open_source',
  'codec_resample',
  'format_pcm',
  'func_callerid',
  'pbx_config',
  'res_format_attr_opus',
  'res_pjproject',
  'res_pjsip',
  'res_pjsip_authenticator_digest',
  'res_pjsip_caller_id',
  'res_pjsip_endpoint_identifier_ip',
  'res_pjsip_nat',
  'res_pjsip_pubsub', // chan_pjsip wants it
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

export interface AsteriskPorts {
  readonly tlsPort: number;
  readonly udpPort: number;
  readonly rtp: { readonly min: number; readonly max: number };
}

/** Writes the configuration of an Asterisk that does alone what the gateway does; returns asterisk.conf's path. */
export async function writeConfig(
  component: Component,
  folder: string,
  ports: AsteriskPorts,
  options: SideOptions,
): Promise<string> {
  const etc = join(folder, 'etc');
  for (const name of ['etc', 'lib', 'spool', 'run', 'log']) await mkdir(join(folder, name), { recursive: true });
  const files: Readonly<Record<string, string>> = {
    'asterisk.conf': asteriskConf(component, folder),
    'modules.conf': ['[modules]', 'autoload=no', ...MODULES.map((name) => `load=${name}.so`), ''].join('\n'),
    'logger.conf': '[general]\n[logfiles]\nfull => warning,error\n',
    'rtp.conf': `[general]\nrtpstart=${ports.rtp.min}\nrtpend=${ports.rtp.max}\nicesupport=no\n`,
    'pjsip.conf': pjsipConf(ports, options),
    'extensions.conf':
      '[whatsapp]\nexten => _[+0-9].,1,Dial(PJSIP/${EXTEN}@pbx,60)\n same => n,Hangup(${HANGUPCAUSE})\n',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(etc, name), text);
  return join(etc, 'asterisk.conf');
}

function asteriskConf(component: Component, folder: string): string {
  const [modules] = glob(component.root, 'usr/lib/<triplet>/asterisk/modules');
  return [
    '[directories]',
    `astetcdir => ${join(folder, 'etc')}`,
    `astmoddir => ${modules ?? ''}`,
    `astvarlibdir => ${join(folder, 'lib')}`,
    `astdbdir => ${join(folder, 'lib')}`,
    `astkeydir => ${join(folder, 'lib')}`,
    `astdatadir => ${join(component.root, 'usr/share/asterisk')}`,
    `astspooldir => ${join(folder, 'spool')}`,
    `astrundir => ${join(folder, 'run')}`,
    `astlogdir => ${join(folder, 'log')}`,
    '[options]',
    'nocolor = yes',
    'verbose = 0',
    '',
  ].join('\n');
}

/** The endpoint as Meta's pages configure it for SDES, and a plain PBX behind it. */
function pjsipConf({ tlsPort, udpPort }: AsteriskPorts, options: SideOptions): string {
  return `[global]
type=global
endpoint_identifier_order=ip

[tls]
type=transport
protocol=tls
bind=127.0.0.1:${tlsPort}
cert_file=${options.tls.certificateFile}
priv_key_file=${options.tls.keyFile}
method=tlsv1_2

[udp]
type=transport
protocol=udp
bind=127.0.0.1:${udpPort}

[whatsapp]
type=endpoint
context=whatsapp
transport=tls
auth=whatsapp
disallow=all
allow=opus
media_encryption=sdes
rtcp_mux=yes
direct_media=no
rtp_symmetric=yes
rewrite_contact=no
timers=no
trust_id_inbound=yes

[whatsapp]
type=auth
auth_type=userpass
username=${options.number.replace('+', '')}
password=${options.password}
realm=${options.hostname}

[whatsapp]
type=identify
endpoint=whatsapp
match=127.0.0.1

[pbx]
type=endpoint
context=none
transport=udp
aors=pbx
disallow=all
allow=alaw
direct_media=no
timers=no
trust_id_outbound=yes

[pbx]
type=aor
contact=sip:127.0.0.1:${options.pbxPort}
`;
}
