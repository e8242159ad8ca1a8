// SPDX-License-Identifier: Apache-2.0
// Configuration files (.jfc): settings by event, and controls that set several of them at once.
//
//   configuration version label description provider
//     event name … setting name control? ─ value        (events may be grouped in category elements)
//     control
//       selection name label default ─ option name label ─ value
//       flag name label ─ true | false        text name label contentType minimum maximum ─ value
//       condition name true? false? ─ test | or | and | not
//
// A setting with a control has that control's value. A condition has its `true` or `false` value, and no
// say where that attribute is absent; several conditions may share a name. A test compares the text of an
// option, not its name. Source: jdk.jfr.internal.jfc.model, checked against `jfr configure` of JDK 25.
import {
  type Condition,
  type ConfigurationControl,
  configurationXml,
  type EventSetting,
  type Expression,
} from './configuration-model.ts';
import { RecorderError } from './error.ts';
import type { Settings } from './settings.ts';
import { parseTimespan } from './timespan.ts';
import { parseXml, type XmlElement } from './xml.ts';

export class Configuration {
  readonly label: string;
  readonly description: string;
  readonly provider: string;
  readonly #settings: EventSetting[] = [];
  readonly #controls: ConfigurationControl[] = [];
  readonly #conditions: Condition[] = [];

  /** Parses the text of a .jfc file. Throws RECORDER_BAD_CONFIGURATION. */
  constructor(xml: string) {
    const root = parseXml(xml);
    if (root.name !== 'configuration') throw bad(root, `<${root.name}> is no configuration`);
    const version = root.attributes.version ?? '';
    if (version !== '2.0') {
      throw bad(
        root,
        `version "${version}" of the format is not known`,
        '2.0 is (JDK 9 and later)',
      );
    }
    this.label = root.attributes.label ?? '';
    this.description = root.attributes.description ?? '';
    this.provider = root.attributes.provider ?? '';
    for (const child of root.children) this.#read(child);
  }

  /** `event#setting` to value. */
  get settings(): Settings {
    return Object.fromEntries(
      this.#settings.map(({ event, name, value }) => [`${event}#${name}`, value]),
    );
  }

  get controls(): readonly ConfigurationControl[] {
    return this.#controls;
  }

  /**
   * Sets a control by name, or an event setting by `event#setting`; with a leading `+` the setting is
   * added where it is missing. Throws RECORDER_BAD_OPTION for what is not known.
   */
  set(key: string, value: string): void {
    if (key.includes('#')) {
      this.#setSetting(key, value);
      return;
    }
    const index = this.#controls.findIndex(({ name }) => name === key);
    const control = this.#controls[index];
    if (control === undefined) {
      throw new RecorderError('RECORDER_BAD_OPTION', `the configuration has no option "${key}"`, {
        hint: `it has: ${this.#controls.map(({ name }) => name).join(', ') || 'none'}`,
      });
    }
    checkControl(control, value);
    this.#controls[index] = { ...control, value };
    this.#apply(key);
  }

  /** The file again, with the present values. */
  toXml(): string {
    const { label, description, provider } = this;
    return configurationXml({
      head: { label, description, provider },
      events: this.#byEvent(),
      controls: this.#controls,
      conditions: this.#conditions,
    });
  }

  #read(element: XmlElement): void {
    if (element.name === 'event') {
      const event = required(element, 'name');
      for (const child of element.children) {
        if (child.name !== 'setting') throw bad(child, `<${child.name}> in an event`);
        const name = required(child, 'name');
        const { control } = child.attributes;
        this.#settings.push({ event, name, control, value: child.text.trim() });
      }
    } else if (element.name === 'category') {
      for (const child of element.children) this.#read(child);
    } else if (element.name === 'control') {
      for (const child of element.children) this.#readControl(child);
    } else {
      throw bad(element, `<${element.name}> in a configuration`);
    }
  }

  #readControl(element: XmlElement): void {
    const name = required(element, 'name');
    if (element.name === 'condition') {
      const [first, ...more] = element.children;
      if (first === undefined || more.length > 0) {
        throw bad(element, `condition ${name} needs one expression`);
      }
      const { true: whenTrue, false: whenFalse } = element.attributes;
      this.#conditions.push({ name, whenTrue, whenFalse, expression: readExpression(first) });
      return;
    }
    const { label = name, description, contentType, minimum, maximum } = element.attributes;
    const common = { name, label, description, contentType, minimum, maximum };
    if (element.name === 'selection') {
      const options = element.children.map((child) => ({
        name: required(child, 'name'),
        label: child.attributes.label ?? '',
        value: child.text.trim(),
      }));
      const value = element.attributes.default ?? options[0]?.name ?? '';
      this.#controls.push({ ...common, kind: 'selection', options, value });
    } else if (element.name === 'flag' || element.name === 'text') {
      const value = element.text.trim();
      this.#controls.push({ ...common, kind: element.name, options: [], value });
    } else {
      throw bad(element, `<${element.name}> among the controls`);
    }
  }

  #setSetting(key: string, value: string): void {
    const add = key.startsWith('+');
    const [event = '', name = ''] = (add ? key.slice(1) : key).split('#');
    const known = this.#settings.find((item) => item.event === event && item.name === name);
    if (known !== undefined) {
      known.value = value;
    } else if (add) {
      this.#settings.push({ event, name, control: undefined, value });
    } else {
      throw new RecorderError('RECORDER_BAD_OPTION', `the configuration has no setting "${key}"`, {
        hint: `write +${key}=… to add it`,
      });
    }
  }

  /** Gives the settings that depend on a changed control its value; others stay as written. */
  #apply(changed: string): void {
    const conditions = this.#conditions.filter(({ expression }) => mentions(expression, changed));
    const affected = new Set([changed, ...conditions.map(({ name }) => name)]);
    for (const setting of this.#settings) {
      if (setting.control === undefined || !affected.has(setting.control)) continue;
      const value = this.#valueOf(setting.control);
      if (value !== undefined) setting.value = value;
    }
  }

  /** What a control or the conditions of a name say; undefined when they say nothing. */
  #valueOf(name: string): string | undefined {
    const control = this.#controls.find((item) => item.name === name);
    if (control !== undefined) return textOf(control);
    let value: string | undefined;
    for (const condition of this.#conditions) {
      if (condition.name !== name) continue;
      const holds = this.#holds(condition.expression);
      value = (holds ? condition.whenTrue : condition.whenFalse) ?? value;
    }
    return value;
  }

  #holds(expression: Expression): boolean {
    switch (expression.kind) {
      case 'test': {
        const control = this.#controls.find(({ name }) => name === expression.control);
        return control !== undefined && textOf(control) === expression.value;
      }
      case 'and':
        return expression.parts.every((part) => this.#holds(part));
      case 'or':
        return expression.parts.some((part) => this.#holds(part));
      case 'not':
        return !this.#holds(expression.parts[0]!);
    }
  }

  #byEvent(): Map<string, EventSetting[]> {
    const events = new Map<string, EventSetting[]>();
    for (const setting of this.#settings) {
      const known = events.get(setting.event);
      if (known === undefined) events.set(setting.event, [setting]);
      else known.push(setting);
    }
    return events;
  }
}

function mentions(expression: Expression, control: string): boolean {
  return expression.kind === 'test'
    ? expression.control === control
    : expression.parts.some((part) => mentions(part, control));
}

function textOf(control: ConfigurationControl): string {
  if (control.kind !== 'selection') return control.value;
  return control.options.find(({ name }) => name === control.value)?.value ?? control.value;
}

function checkControl(control: ConfigurationControl, value: string): void {
  const refuse = (wanted: string): never => {
    throw new RecorderError('RECORDER_BAD_OPTION', `${control.name} cannot be "${value}"`, {
      hint: `it takes ${wanted}`,
    });
  };
  if (control.kind === 'flag' && value !== 'true' && value !== 'false') refuse('true or false');
  if (control.kind === 'selection' && !control.options.some(({ name }) => name === value)) {
    refuse(control.options.map(({ name }) => name).join(', '));
  }
  if (control.contentType === 'timespan') {
    const nanos = parseTimespan(value) ?? refuse('a timespan such as 20 ms');
    const least = parseTimespan(control.minimum ?? '0 s') ?? 0;
    const most = parseTimespan(control.maximum ?? 'infinity') ?? Number.POSITIVE_INFINITY;
    if (nanos < least || nanos > most) refuse(`${control.minimum} to ${control.maximum ?? 'any'}`);
  }
}

function readExpression(element: XmlElement): Expression {
  if (element.name === 'test') {
    const { operator = 'equal' } = element.attributes;
    if (operator !== 'equal') throw bad(element, `operator "${operator}" is not known`);
    const value = element.attributes.value ?? '';
    return { kind: 'test', control: required(element, 'name'), value };
  }
  if (element.name !== 'and' && element.name !== 'or' && element.name !== 'not') {
    throw bad(element, `<${element.name}> is no expression`);
  }
  const parts = element.children.map(readExpression);
  const enough = element.name === 'not' ? parts.length === 1 : parts.length >= 2;
  if (!enough) throw bad(element, `<${element.name}> around ${parts.length} expressions`);
  return { kind: element.name, parts };
}

function required(element: XmlElement, name: string): string {
  const value = element.attributes[name];
  if (value === undefined || value === '') throw bad(element, `<${element.name}> without ${name}`);
  return value;
}

function bad(element: XmlElement, what: string, hint?: string): RecorderError {
  return new RecorderError(
    'RECORDER_BAD_CONFIGURATION',
    `line ${element.line}: ${what}`,
    hint === undefined ? {} : { hint },
  );
}
