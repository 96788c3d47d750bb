/** A message that Meta has taken. */
export interface SentMessage {
  /** wamid.… */
  readonly id: string;
  readonly phoneNumberId: string;
  /** WhatsApp id: a number without +, or a BSUID. */
  readonly user: string;
  readonly kind: 'call_permission_request' | 'voice_call' | 'template';
  /** Whether the user is asked for permission to call. */
  readonly asksPermission: boolean;
  readonly body: unknown;
  /** Epoch ms. */
  readonly atMs: number;
}
