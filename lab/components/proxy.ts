import { aptProxy } from './apt-sources.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Which proxy leads to a URL: apt's own setting first, then `http_proxy`, `https_proxy` and `no_proxy`
 * (also in capitals), as apt does it. The answer is undefined for a direct connection.
 */
export async function proxyChooser(env: Environment = process.env): Promise<(url: URL) => string | undefined> {
  const [http, https] = await Promise.all([aptProxy('http'), aptProxy('https')]);
  return (url) => {
    const apt = url.protocol === 'https:' ? https : http;
    return apt ?? (bypassed(url, env) ? undefined : variable(env, url.protocol.replace(':', '_proxy')));
  };
}

function bypassed(url: URL, env: Environment): boolean {
  return (variable(env, 'no_proxy') ?? '')
    .split(',')
    .map((entry) => entry.trim().replace(/^\*?\./, ''))
    .some((entry) => entry === '*' || (entry !== '' && (url.hostname === entry || url.hostname.endsWith(`.${entry}`))));
}

function variable(env: Environment, name: string): string | undefined {
  const value = env[name] ?? env[name.toUpperCase()];
  return value === '' ? undefined : value;
}
