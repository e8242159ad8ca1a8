// SPDX-License-Identifier: Apache-2.0
// The pager as a process of its own: requests on an inherited socket (control-channel.ts), messages on standard output.
import { serveRequests } from './serve-requests.ts';

serveRequests(3);
