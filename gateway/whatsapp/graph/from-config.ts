import { readFileSync } from 'node:fs';
import type { GraphConfig } from '../../config/types-control.js';
import { createGraph } from './client.js';
import type { GraphClientOptions } from './client.js';
import { GraphError } from './port.js';
import type { Graph } from './port.js';
import { fixedToken, inspectToken, TokenFile } from './token.js';

export interface GraphAccess {
  readonly graph: Graph;
  /** Rejects with GraphError when there is none. */
  readonly token: () => Promise<string | undefined>;
  /** The app of the token, asked once for each token; undefined: Meta does not tell. Never rejects. */
  readonly appId: () => Promise<string | undefined>;
}

/** The client as configured. Throws when `graph.ca` cannot be read. */
export function openGraph(config: GraphConfig, deps: Pick<GraphClientOptions, 'log' | 'observe'>): GraphAccess {
  const token = tokenOf(config, deps.log);
  const graph = createGraph({
    ...deps,
    url: config.url,
    version: config.version,
    token,
    timeoutMs: config.timeoutMs,
    ...(config.ca === undefined ? {} : { ca: readFileSync(config.ca, 'utf8') }),
  });
  let known: { readonly token: string; readonly appId: string } | undefined;
  const appId = async (): Promise<string | undefined> => {
    const present = await token();
    if (present === undefined || present === known?.token) return known?.appId;
    const { appId: found } = await inspectToken(graph, present);
    if (found !== undefined) known = { token: present, appId: found };
    return found;
  };
  return { graph, token, appId: () => appId().catch(unknownApp) };
}

function tokenOf({ token }: GraphConfig, log: GraphClientOptions['log']): () => Promise<string | undefined> {
  if (token.kind === 'fixed') return fixedToken(token.secret);
  const file = new TokenFile(token.file, log);
  return () => file.read();
}

function unknownApp(error: unknown): undefined {
  if (!(error instanceof GraphError)) throw error;
  return undefined;
}
