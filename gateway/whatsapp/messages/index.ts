/** Ways for users to call: links and buttons. */
export { BUTTON_LIMITS, buttonFaults, sendButton } from './button.js';
export type { ButtonFault, CallButton, SentButton } from './button.js';
export { callLink, LinkError, qrLines, qrPng } from './link.js';
