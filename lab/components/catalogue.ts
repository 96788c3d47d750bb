import { ComponentError } from './errors.js';

/** The programs that demo, tests and benchmarks can have. */
export const COMPONENT_NAMES = ['asterisk', 'rtpengine-26', 'rtpengine-10', 'sipp', 'redis'] as const;
export type ComponentName = (typeof COMPONENT_NAMES)[number];

/** How a component's tree is made from Debian packages, and how its program is started. */
export interface Recipe {
  readonly suite: string;
  /** The first one's version is the component's. */
  readonly packages: readonly string[];
  /** Shared libraries that nothing we start links: modules or converters that are never loaded. */
  readonly leaveOut: RegExp;
  /** The program, below the tree's root. */
  readonly program: string;
  /** Files whose shared libraries must all be in the tree, globs on the last part; `<triplet>` is the platform's. */
  readonly check: readonly string[];
  /** Symbolic links that maintainer scripts would make: link → target. */
  readonly links: Readonly<Record<string, string>>;
}

/** glibc's rarely used character set converters. */
const CONVERTERS = 'libc-gconv-modules-extra';

/** Libraries of Asterisk modules that no configuration of ours loads: databases, SNMP, fax, JACK, LDAP, mail … */
const ASTERISK_LEAVES_OUT = new RegExp(
  `^(${CONVERTERS}|lib(codec2|curl|gmime|glib2|ical|iksemel|jack|jwt|ldap|lua5|neon|odbc|opencore-amr|portaudio|pq5|` +
    'radcli|resample|snmp|spandsp|speex|sybdb|unbound|vo-amrwbenc|vorbis))',
);

export const RECIPES: Readonly<Record<ComponentName, Recipe>> = {
  asterisk: {
    suite: 'forky',
    packages: ['asterisk', 'asterisk-modules', 'asterisk-core-sounds-en-gsm'],
    leaveOut: ASTERISK_LEAVES_OUT,
    program: 'usr/sbin/asterisk',
    check: [
      'usr/sbin/asterisk',
      'usr/lib/<triplet>/asterisk/modules/res_pjsip*.so',
      'usr/lib/<triplet>/asterisk/modules/res_srtp.so',
      'usr/lib/<triplet>/asterisk/modules/codec_*opus*.so',
    ],
    links: { 'usr/share/asterisk/sounds/en': 'en_US_f_Allison' },
  },
  'rtpengine-26': {
    suite: 'forky',
    packages: ['rtpengine-daemon'],
    leaveOut: new RegExp(`^${CONVERTERS}$`),
    program: 'usr/bin/rtpengine',
    check: ['usr/bin/rtpengine'],
    links: {},
  },
  'rtpengine-10': {
    suite: 'bookworm',
    packages: ['rtpengine-daemon'],
    leaveOut: new RegExp(`^${CONVERTERS}$`),
    program: 'usr/bin/rtpengine',
    check: ['usr/bin/rtpengine'],
    links: {},
  },
  sipp: {
    suite: 'forky',
    packages: ['sip-tester'],
    leaveOut: new RegExp(`^${CONVERTERS}$`),
    program: 'usr/bin/sipp',
    check: ['usr/bin/sipp'],
    links: {},
  },
  redis: {
    suite: 'bookworm', // forky's may be Valkey, which calls itself another version
    packages: ['redis-server', 'redis-tools'], // the program lies in redis-tools
    leaveOut: new RegExp(`^(${CONVERTERS}|libelogind0)$`),
    program: 'usr/bin/redis-server',
    check: ['usr/bin/redis-server'],
    links: {},
  },
};

/** Names of one machine architecture. */
export interface Platform {
  readonly debian: string;
  readonly triplet: string;
  readonly loader: string;
}

/** @throws ComponentError('platform') where Debian's packages cannot run */
export function platform(arch: string = process.arch, os: string = process.platform): Platform {
  if (os === 'linux' && arch === 'x64') {
    return { debian: 'amd64', triplet: 'x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2' };
  }
  if (os === 'linux' && arch === 'arm64') {
    return { debian: 'arm64', triplet: 'aarch64-linux-gnu', loader: 'ld-linux-aarch64.so.1' };
  }
  throw new ComponentError('platform', `components run on Linux x64 and arm64, this is ${os} ${arch}`);
}
