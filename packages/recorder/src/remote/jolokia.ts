// SPDX-License-Identifier: Apache-2.0
// The Jolokia protocol (JMX over JSON): version, list, search, read, exec, and arrays of them.
import { RecorderError } from '../error.ts';
import { FLIGHT_RECORDER, type FlightRecorderMBean, RUNTIME } from './mbean.ts';

/** Requests in one array at most. */
const MAX_BULK = 100;

const LONG = 'long';
const TABLE = 'javax.management.openmbean.TabularData';
const COMPOSITES = '[Ljavax.management.openmbean.CompositeData;';
const TEXT = 'java.lang.String';

/** Operations with the types of their arguments and of what they answer. */
const OPERATIONS: Readonly<Record<string, readonly [args: readonly string[], returns: string]>> = {
  newRecording: [[], LONG],
  takeSnapshot: [[], LONG],
  cloneRecording: [[LONG, 'boolean'], LONG],
  startRecording: [[LONG], 'void'],
  stopRecording: [[LONG], 'boolean'],
  closeRecording: [[LONG], 'void'],
  openStream: [[LONG, TABLE], LONG],
  readStream: [[LONG], '[B'],
  closeStream: [[LONG], 'void'],
  getRecordingOptions: [[LONG], TABLE],
  setRecordingOptions: [[LONG, TABLE], 'void'],
  getRecordingSettings: [[LONG], TABLE],
  setRecordingSettings: [[LONG, TABLE], 'void'],
  setConfiguration: [[LONG, TEXT], 'void'],
  setPredefinedConfiguration: [[LONG, TEXT], 'void'],
  copyTo: [[LONG, TEXT], 'void'],
};

const ATTRIBUTES: Readonly<Record<string, string>> = {
  Recordings: COMPOSITES,
  Configurations: COMPOSITES,
  EventTypes: COMPOSITES,
  ObjectName: 'javax.management.ObjectName',
};

/** Attributes of java.lang:type=Runtime. */
export type RuntimeFacts = Readonly<Record<string, string | number>>;

/**
 * Facts that a JMX client expects of a Java VM. The VM name begins with "Substrate VM" because JMC asks
 * VMs of that name for nothing but the FlightRecorder bean.
 */
export function runtimeFacts(pid: number, hostname: string, startTime: number): RuntimeFacts {
  return {
    Name: `${pid}@${hostname}`,
    VmName: `Substrate VM (Node.js ${process.version})`,
    VmVendor: 'Node.js',
    VmVersion: process.version,
    SpecName: 'Java Virtual Machine Specification',
    SpecVersion: '17',
    StartTime: startTime,
  };
}

export class Jolokia {
  readonly #bean: FlightRecorderMBean;
  readonly #facts: RuntimeFacts;
  readonly #agentId: string;

  constructor(bean: FlightRecorderMBean, facts: RuntimeFacts, agentId: string) {
    this.#bean = bean;
    this.#facts = facts;
    this.#agentId = agentId;
  }

  /** Answers a request, or each of an array. Never throws: failures are answers too. */
  async handle(body: unknown): Promise<unknown> {
    if (!Array.isArray(body)) return this.#one(body);
    if (body.length > MAX_BULK) {
      return failure({}, 400, 'java.lang.IllegalArgumentException', 'too many requests at once');
    }
    const answers: unknown[] = [];
    for (const request of body) answers.push(await this.#one(request));
    return answers;
  }

  async #one(body: unknown): Promise<unknown> {
    if (typeof body !== 'object' || body === null) {
      return failure({}, 400, 'java.lang.IllegalArgumentException', 'a request is an object');
    }
    const request = body as Record<string, unknown>;
    try {
      return {
        request,
        value: await this.#value(request),
        status: 200,
        timestamp: Math.floor(Date.now() / 1000),
      };
    } catch (error) {
      if (error instanceof UnknownName) return failure(request, 404, error.type, error.message);
      if (error instanceof RecorderError) {
        const status = error.code === 'RECORDER_FORBIDDEN' ? 403 : 400;
        const hint = error.hint === undefined ? '' : ` (${error.hint})`;
        return failure(request, status, JAVA_ERRORS[status]!, error.message + hint);
      }
      // what else goes wrong is ours, and its details are nobody else's business
      return failure(request, 500, 'java.lang.InternalError', 'internal error');
    }
  }

  async #value(request: Record<string, unknown>): Promise<unknown> {
    // clients before 2.2 write it in capitals
    switch (String(request.type).toLowerCase()) {
      case 'version':
        return {
          agent: '2.1.0',
          protocol: '8.0',
          config: { agentId: this.#agentId },
          info: { product: 'rekindle', vendor: 'rekindle' },
        };
      case 'list':
        return this.#list(typeof request.path === 'string' ? request.path : '');
      case 'search':
        return [FLIGHT_RECORDER, RUNTIME].filter((name) => matches(name, String(request.mbean)));
      case 'read':
        return this.#read(String(request.mbean), request.attribute);
      case 'exec':
        return this.#exec(request);
      default:
        throw new RecorderError('RECORDER_BAD_OPTION', `no request type "${String(request.type)}"`);
    }
  }

  async #read(bean: string, attribute: unknown): Promise<unknown> {
    if (typeof attribute === 'string' && attribute !== '') return this.#attribute(bean, attribute);
    const names = Array.isArray(attribute)
      ? attribute.map(String)
      : attributesOf(bean, this.#facts);
    const values: Record<string, unknown> = {};
    for (const name of names) values[name] = await this.#attribute(bean, name);
    return values;
  }

  async #attribute(bean: string, attribute: string): Promise<unknown> {
    checkBean(bean);
    let value: unknown;
    if (bean === FLIGHT_RECORDER) value = await this.#bean.read(attribute);
    else if (attribute === 'Uptime') value = Date.now() - Number(this.#facts.StartTime);
    else if (Object.hasOwn(this.#facts, attribute)) value = this.#facts[attribute];
    if (value === undefined) {
      throw new UnknownName(
        'javax.management.AttributeNotFoundException',
        `No attribute "${attribute}" in ${bean}`,
      );
    }
    return value;
  }

  async #exec(request: Record<string, unknown>): Promise<unknown> {
    const bean = String(request.mbean);
    checkBean(bean);
    const operation = String(request.operation).replace(/\(.*$/, '');
    if (bean !== FLIGHT_RECORDER || !Object.hasOwn(OPERATIONS, operation)) {
      throw new UnknownName(
        'javax.management.ReflectionException',
        `No operation ${operation} in ${bean}`,
      );
    }
    const args = Array.isArray(request.arguments) ? request.arguments : [];
    const wanted = OPERATIONS[operation]![0].length;
    if (args.length !== wanted) {
      throw new RecorderError('RECORDER_BAD_OPTION', `${operation} takes ${wanted} arguments`);
    }
    return this.#bean.call(operation, args);
  }

  #list(path: string): unknown {
    const beans: Record<string, Record<string, unknown>> = {
      'jdk.management.jfr': { 'type=FlightRecorder': describeFlightRecorder() },
      'java.lang': { 'type=Runtime': describeRuntime(this.#facts) },
    };
    const parts = path.split(/(?<!!)\//).map((part) => part.replace(/!(.)/g, '$1'));
    const [domain, keys] = parts.filter((part) => part !== '');
    if (domain === undefined) return { cache: {}, domains: beans };
    const found = keys === undefined ? beans[domain] : beans[domain]?.[keys];
    if (found === undefined) {
      throw new UnknownName('javax.management.InstanceNotFoundException', `No MBean ${path}`);
    }
    return found;
  }
}

const JAVA_ERRORS: Readonly<Record<number, string>> = {
  400: 'java.lang.IllegalArgumentException',
  403: 'java.lang.SecurityException',
};

class UnknownName extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

function failure(request: object, status: number, type: string, message: string): object {
  return { request, status, error_type: type, error: `${type} : ${message}`, stacktrace: '' };
}

function checkBean(bean: string): void {
  if (bean !== FLIGHT_RECORDER && bean !== RUNTIME) {
    throw new UnknownName('javax.management.InstanceNotFoundException', `No MBean ${bean}`);
  }
}

function attributesOf(bean: string, facts: RuntimeFacts): string[] {
  checkBean(bean);
  return bean === FLIGHT_RECORDER ? Object.keys(ATTRIBUTES) : [...Object.keys(facts), 'Uptime'];
}

/** Object name patterns: `*` and `?`. */
function matches(name: string, pattern: string): boolean {
  const source = pattern.slice(0, 500).replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${source.replace(/\*+/g, '.*').replace(/\?/g, '.')}$`).test(name);
}

function describeFlightRecorder(): object {
  const op = Object.entries(OPERATIONS).map(([name, [args, ret]]) => [
    name,
    {
      args: args.map((type, index) => ({ name: `p${index}`, type, desc: `p${index}` })),
      ret,
      desc: name,
    },
  ]);
  return {
    class: 'jdk.management.jfr.FlightRecorderMXBeanImpl',
    desc: 'Information on the management interface of the MBean',
    interfaces: ['jdk.management.jfr.FlightRecorderMXBean'],
    attr: describeAttributes(ATTRIBUTES),
    op: Object.fromEntries(op),
  };
}

function describeRuntime(facts: RuntimeFacts): object {
  const types = Object.entries(facts).map(([name, value]) => [
    name,
    typeof value === 'number' ? LONG : TEXT,
  ]);
  return {
    class: 'sun.management.RuntimeImpl',
    desc: 'Information on the management interface of the MBean',
    attr: describeAttributes({ ...Object.fromEntries(types), Uptime: LONG }),
    op: {},
  };
}

function describeAttributes(types: Readonly<Record<string, string>>): object {
  return Object.fromEntries(
    Object.entries(types).map(([name, type]) => [name, { type, desc: name, rw: false }]),
  );
}
