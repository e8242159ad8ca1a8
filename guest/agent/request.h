// SPDX-License-Identifier: Apache-2.0
// What can be asked of the agent.
#ifndef REKINDLE_REQUEST_H
#define REKINDLE_REQUEST_H

// Serves requests, one line each, from `fd` until its end. Returns when the peer hangs up.
void serve_requests(int fd);

#endif
