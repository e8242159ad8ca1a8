// SPDX-License-Identifier: Apache-2.0

/** What can go wrong between host and guest agent. */
export type AgentErrorCode =
  | 'AGENT_UNREACHABLE'
  | 'AGENT_TIMEOUT'
  | 'AGENT_REFUSED'
  | 'AGENT_PROTOCOL';

/** `place` is the socket and the request. */
export class AgentError extends Error {
  readonly code: AgentErrorCode;
  readonly place: string;
  readonly hint: string;

  constructor(code: AgentErrorCode, message: string, place: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'AgentError';
    this.code = code;
    this.place = place;
    this.hint = hint;
  }
}
