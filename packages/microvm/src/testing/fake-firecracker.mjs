// SPDX-License-Identifier: Apache-2.0
// Stands for Firecracker where KVM does not: serves its API on --api-sock, judges every request by Firecracker's
// own description of it (fixtures/firecracker) and by the order in which the real one takes them, and writes
// files of the right shape. It runs no guest.
//
//   FAKE_LOG      every request and its verdict, one JSON object per line
//   FAKE_VERSION  what --version says; default 1.16.1
//   FAKE_FAULT    `METHOD /path`: die at this request
import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const fixture = new URL(
  '../../../../fixtures/firecracker/firecracker-v1.16.1.json',
  import.meta.url,
);
const { paths, definitions } = JSON.parse(readFileSync(fileURLToPath(fixture), 'utf8'));
const version = process.env.FAKE_VERSION ?? '1.16.1';
const option = (name) => process.argv[process.argv.indexOf(name) + 1];

if (process.argv.includes('--version')) {
  console.log(`Firecracker v${version}\n`);
  process.exit(0);
}
if (!existsSync(option('--log-path'))) {
  console.log('Error: no such log file');
  process.exit(1);
}
if (!/^[A-Za-z0-9-]{1,64}$/.test(option('--id'))) {
  console.log('Error: Invalid instance ID');
  process.exit(1);
}

let state = 'Not started';
const configured = {};
let balloon;

/** What is wrong with a value by a schema; undefined when nothing is. */
function fault(schema, value, where) {
  if (schema.$ref) return fault(definitions[schema.$ref.split('/').pop()], value, where);
  const type = Array.isArray(value)
    ? 'array'
    : typeof value === 'number'
      ? 'integer'
      : typeof value;
  if (schema.type && schema.type !== type)
    return `${where}: invalid type: ${type}, expected ${schema.type}`;
  if (schema.enum && !schema.enum.includes(value)) return `${where}: unknown variant ${value}`;
  if (schema.minimum !== undefined && value < schema.minimum)
    return `${where}: below ${schema.minimum}`;
  if (schema.maximum !== undefined && value > schema.maximum)
    return `${where}: above ${schema.maximum}`;
  if (type === 'integer' && !Number.isSafeInteger(value)) return `${where}: not an integer`;
  if (type === 'array') {
    return value.map((item, i) => fault(schema.items, item, `${where}[${i}]`)).find(Boolean);
  }
  if (type !== 'object') return undefined;
  for (const name of schema.required ?? []) {
    if (!(name in value)) return `${where}: missing field ${name}`;
  }
  for (const [name, inner] of Object.entries(value)) {
    // serde(deny_unknown_fields)
    if (!schema.properties?.[name]) return `${where}: unknown field ${name}`;
    const found = fault(schema.properties[name], inner, `${where}.${name}`);
    if (found) return found;
  }
  return undefined;
}

/** The description of a request, its path parameters resolved. */
function describe(method, path) {
  for (const [template, methods] of Object.entries(paths)) {
    const names = [];
    const pattern = template.replace(/\{([^}]+)\}/g, (_all, name) => {
      names.push(name);
      return '([^/]+)';
    });
    const match = new RegExp(`^${pattern}$`).exec(path);
    if (match && methods[method.toLowerCase()]) return methods[method.toLowerCase()];
  }
  return undefined;
}

/** What the real one does with a request that reads well; a string is a refusal. */
function act(method, path, body) {
  switch (`${method} ${path}`) {
    case 'GET /':
      return { app_name: 'Firecracker', id: option('--id'), state, vmm_version: version };
    case 'GET /balloon':
      return balloon ?? 'Balloon device not configured';
    case 'PATCH /balloon':
      if (!balloon || state === 'Not started') return 'Balloon device not configured';
      balloon = { ...balloon, ...body };
      return undefined;
    case 'PATCH /vm':
      if (state === 'Not started')
        return 'The requested operation is not supported before starting the microVM.';
      state = body.state === 'Paused' ? 'Paused' : 'Running';
      return undefined;
    case 'PUT /snapshot/create':
      if (state !== 'Paused') return 'Cannot save the microVM: it must be paused';
      writeFileSync(body.snapshot_path, JSON.stringify({ version, configured, balloon }));
      writeFileSync(body.mem_file_path, memory());
      return undefined;
    case 'PUT /snapshot/load': {
      if (state !== 'Not started' || Object.keys(configured).length > 0) {
        return 'Loading a microVM snapshot not allowed after configuring boot-specific resources.';
      }
      const saved = JSON.parse(readFileSync(body.snapshot_path, 'utf8'));
      if (saved.version !== version)
        return `Load microVM snapshot error: snapshot version ${saved.version}`;
      if (
        body.mem_backend.backend_type === 'File' &&
        statSync(body.mem_backend.backend_path).size !== memoryBytes(saved.configured)
      ) {
        return 'Load microVM snapshot error: memory file has another size';
      }
      Object.assign(configured, saved.configured);
      balloon = saved.balloon;
      state = body.resume_vm ? 'Running' : 'Paused';
      return undefined;
    }
    case 'PUT /actions':
      if (state !== 'Not started')
        return 'The requested operation is not supported after starting the microVM.';
      if (!configured['/boot-source']) return 'Cannot start microvm without kernel configuration.';
      state = 'Running';
      process.stdout.write('rekindle: user space reached\n');
      return undefined;
    default:
      if (state !== 'Not started')
        return 'The requested operation is not supported after starting the microVM.';
      for (const [name, id] of [
        ['drive_id', '/drives/'],
        ['iface_id', '/network-interfaces/'],
      ]) {
        if (path.startsWith(id) && body[name] !== path.slice(id.length))
          return 'The id from the path does not match the id from the body!';
      }
      for (const file of [body.kernel_image_path, body.initrd_path, body.path_on_host]) {
        if (file !== undefined && !existsSync(file)) return `No such file: ${file}`;
      }
      if (path === '/balloon') balloon = body;
      configured[path] = body;
      return undefined;
  }
}

const memoryBytes = (from) => (from['/machine-config']?.mem_size_mib ?? 128) * 1024 * 1024;

/** Guest memory: every hundredth page holds something. */
function memory() {
  const bytes = Buffer.alloc(memoryBytes(configured));
  for (let at = 0; at < bytes.length; at += 409_600) bytes[at + 5] = 0xfc;
  return bytes;
}

createServer((request, response) => {
  let text = '';
  request.on('data', (part) => {
    text += part;
  });
  request.on('end', () => {
    const what = `${request.method} ${request.url}`;
    if (process.env.FAKE_FAULT === what) process.kill(process.pid, 'SIGKILL');
    const known = describe(request.method, request.url);
    const schema = known?.parameters?.find((parameter) => parameter.in === 'body')?.schema;
    let refusal = known ? undefined : `Invalid request method and/or path: ${what}.`;
    let body;
    if (!refusal && schema) {
      try {
        body = JSON.parse(text);
        refusal = fault(schema, body, 'body');
      } catch (error) {
        refusal = `An error occurred when deserializing the json body of a request: ${error.message}.`;
      }
    } else if (!refusal && text !== '') refusal = 'Unexpected body';
    const judged = refusal;
    let answer;
    if (!refusal) {
      answer = act(request.method, request.url, body);
      if (typeof answer === 'string') [refusal, answer] = [answer, undefined];
    }
    if (process.env.FAKE_LOG) {
      appendFileSync(
        process.env.FAKE_LOG,
        `${JSON.stringify({ what, body, judged: judged ?? 'ok', refusal })}\n`,
      );
    }
    const payload = refusal
      ? JSON.stringify({ fault_message: refusal })
      : answer && JSON.stringify(answer);
    response.writeHead(refusal ? 400 : payload ? 200 : 204, { 'Content-Type': 'application/json' });
    response.end(payload);
  });
}).listen(option('--api-sock'));
