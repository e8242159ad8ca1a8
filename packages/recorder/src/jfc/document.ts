// SPDX-License-Identifier: Apache-2.0
// .jfc files that are changed and written again as `jfr configure` of JDK 25 does it: everything in them
// is kept, also what this package has no use for. (What a recorder makes of a file: Configuration.)
import { RecorderError } from '../error.ts';
import { parseXml } from '../xml.ts';
import { JfcElement, jfcElements, jfcText } from './element.ts';
import { type Controls, dependsOn, valueOfControl } from './evaluate.ts';
import { validate } from './validate.ts';
import { spacedTimespan, timespanProblem } from './values.ts';

/** Something that a user may set: a `selection`, a `flag` or a `text`. */
export type JfcInput = JfcElement;

/** One file that went into the document. */
interface Part {
  readonly children: readonly JfcElement[];
  readonly controls: Controls;
}

export class JfcDocument {
  readonly #configuration: JfcElement = new JfcElement('configuration', 'configuration');
  readonly #parts: Part[] = [];
  readonly #changes: Map<string, string> = new Map();

  constructor(label: string) {
    this.#configuration.attributes.set('version', '2.0');
    this.#configuration.attributes.set('label', label);
  }

  /**
   * Adds the text of a file. Returns warnings. Throws RECORDER_BAD_CONFIGURATION for what is no
   * configuration, and for a control that another file has as well.
   */
  add(xml: string): string[] {
    const parsed = parseXml(xml);
    if (parsed.name.toLowerCase() !== 'configuration') {
      throw new RecorderError(
        'RECORDER_BAD_CONFIGURATION',
        `line ${parsed.line}: expected root element to be named 'configuration'`,
      );
    }
    const root = jfcElements(parsed);
    validate(root);
    const controls = new Map<string, JfcElement[]>();
    for (const control of root.of('control')) {
      for (const element of control.of('condition', 'text', 'selection', 'flag')) {
        const name = element.attribute('name');
        controls.set(name, [...(controls.get(name) ?? []), element]);
      }
    }
    for (const name of controls.keys()) {
      if (this.#parts.some((part) => part.controls.has(name))) {
        throw new RecorderError(
          'RECORDER_BAD_CONFIGURATION',
          `Control with '${name}' is declared in multiple files`,
          { hint: 'take one of them' },
        );
      }
    }
    this.#parts.push({ children: root.children, controls });
    this.#configuration.children.push(...root.children);
    return settingsOf(root.children)
      .filter(({ setting }) => {
        const control = setting.attributes.get('control');
        return control !== undefined && !controls.has(control);
      })
      .map(
        ({ name, setting }) =>
          `Setting '${name}' refers to missing control '${setting.attribute('control')}'`,
      );
  }

  /** What a user may set, in the order of the files. */
  get inputs(): readonly JfcInput[] {
    return this.#configuration
      .of('control')
      .flatMap((control) => control.of('selection', 'flag', 'text'));
  }

  /**
   * Sets an input by its name, or an event setting by `event#setting`; with a leading `+` the setting is
   * added where it is missing. Throws RECORDER_BAD_OPTION for what is not there or cannot be.
   */
  configure(name: string, value: string): void {
    const input = this.inputs.find((known) => known.attribute('name') === name);
    if (input !== undefined) this.setInput(input, value);
    else this.#setSetting(name, value);
  }

  /** Sets an input, and the settings that depend on it. Throws RECORDER_BAD_OPTION. */
  setInput(input: JfcInput, value: string): void {
    if (input.kind === 'selection') {
      checkOneOf(
        value,
        input.of('option').map((option) => option.attribute('name')),
      );
      input.attributes.set('default', value);
    } else if (input.kind === 'flag') {
      checkOneOf(value, ['true', 'false']);
      input.content = value;
    } else {
      input.content = input.attributes.get('contentType') === 'timespan' ? timespan(value) : value;
    }
    this.#apply(input.attribute('name'));
  }

  /** Settings given a value since the last call, by name: `event#setting`. */
  takeChanges(): readonly (readonly [name: string, value: string])[] {
    const changes = [...this.#changes].sort(([one], [other]) => (one < other ? -1 : 1));
    this.#changes.clear();
    return changes;
  }

  /** The text of the file. */
  toString(): string {
    return jfcText(this.#configuration);
  }

  #apply(name: string): void {
    const part = this.#parts.find(({ controls }) => controls.has(name));
    if (part === undefined) return;
    const affected = new Set([name]);
    // a condition may test another
    for (let size = 0; size !== affected.size; ) {
      size = affected.size;
      for (const [condition, elements] of part.controls) {
        const depends = [...affected].some((known) =>
          elements.some((one) => dependsOn(one, known)),
        );
        if (depends) affected.add(condition);
      }
    }
    for (const { name: setting, setting: element } of settingsOf(part.children)) {
      const control = element.attributes.get('control');
      if (control === undefined || !affected.has(control)) continue;
      const value = valueOfControl(control, part.controls);
      if (value === undefined) continue;
      element.content = value;
      this.#changes.set(setting, value);
    }
  }

  #setSetting(name: string, value: string): void {
    const add = name.startsWith('+');
    const key = add ? name.slice(1) : name;
    const at = key.indexOf('#');
    if (at < 1 || at === key.length - 1) {
      const names = this.inputs.map((input) => input.attribute('name')).join(', ');
      throw new RecorderError(
        'RECORDER_BAD_OPTION',
        `Option '${key}' doesn't exist in configuration`,
        { hint: `it has: ${names || 'none'}` },
      );
    }
    const event = this.#event(key.slice(0, at), add);
    const settingName = key.slice(at + 1);
    const setting = settingOf(event, settingName, add);
    setting.content = TIMESPANS.includes(settingName) ? (spacedTimespan(value) ?? value) : value;
    this.#changes.set(key, setting.content);
  }

  #event(name: string, add: boolean): JfcElement {
    const known = this.#configuration.of('event').find((event) => event.attribute('name') === name);
    if (known !== undefined) return known;
    if (!add) throw missing(`Could not find event '${name}'`);
    const event = new JfcElement('event', 'event');
    event.attributes.set('name', name);
    this.#configuration.children.push(event);
    return event;
  }
}

/** Settings whose values are timespans, and come with a blank before the unit. */
const TIMESPANS: readonly string[] = ['period', 'threshold'];

function settingOf(event: JfcElement, name: string, add: boolean): JfcElement {
  const known = event.of('setting').find((setting) => setting.attribute('name') === name);
  if (known !== undefined) return known;
  if (!add) {
    throw missing(`Could not find setting '${name}' for event '${event.attribute('name')}'`);
  }
  const setting = new JfcElement('setting', 'setting');
  setting.attributes.set('name', name);
  event.children.push(setting);
  return setting;
}

function settingsOf(
  children: readonly JfcElement[],
): { readonly name: string; readonly setting: JfcElement }[] {
  return children
    .filter(({ kind }) => kind === 'event')
    .flatMap((event) =>
      event.of('setting').map((setting) => ({
        name: `${event.attribute('name')}#${setting.attribute('name')}`,
        setting,
      })),
    );
}

function missing(what: string): RecorderError {
  return new RecorderError('RECORDER_BAD_OPTION', what, {
    hint: 'write a + in front of the event to add it',
  });
}

function checkOneOf(value: string, valid: readonly string[]): void {
  if (valid.includes(value)) return;
  const quoted = valid.map((one) => `'${one}'`);
  const last = quoted.pop();
  const list = quoted.length === 0 ? last : `${quoted.join(', ')} and ${last}`;
  throw new RecorderError(
    'RECORDER_BAD_OPTION',
    `Incorrect value '${value}'. Valid values are ${list}.`,
  );
}

function timespan(value: string): string {
  const spaced = spacedTimespan(value);
  if (spaced === undefined) throw new RecorderError('RECORDER_BAD_OPTION', timespanProblem(value));
  return spaced;
}
