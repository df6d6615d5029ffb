import type { JSX } from 'preact';
import type { JobField } from '../lib/job-fields.js';

interface JobFieldInputProps {
  readonly field: JobField;
  readonly value: string;
  readonly fault: string | undefined;
  /** What there is to choose from, when the pool knows. */
  readonly options?: readonly { value: string; label: string }[] | undefined;
  readonly onChange: (value: string) => void;
  readonly onLeave: () => void;
}

/** One field of the form: its name, what it means, its default, and what is wrong with it. */
export function JobFieldInput({
  field,
  value,
  fault,
  options,
  onChange,
  onLeave,
}: JobFieldInputProps): JSX.Element {
  const id = `job-${field.path}`;
  const common = {
    id,
    value,
    'data-path': field.path,
    'aria-invalid': fault !== undefined,
    'aria-describedby': `${id}-help${fault === undefined ? '' : ` ${id}-fault`}`,
    onBlur: onLeave,
    disabled: field.kind === 'fixed',
  };
  const choices =
    options ??
    (field.kind === 'switch' ? ['true', 'false'] : field.choices).map((one) => ({ value: one, label: one }));
  return (
    <div class={fault === undefined ? 'field' : 'field wrong'}>
      <label for={id}>
        {field.label}
        {field.isRequired && <span class="required"> required</span>}
      </label>
      <div class="control">
        {options !== undefined || choices.length > 0 ? (
          <select {...common} onChange={(event) => onChange(event.currentTarget.value)}>
            <option value="">
              {field.isRequired
                ? 'Choose…'
                : field.defaultText === ''
                  ? 'default'
                  : `${field.defaultText} (default)`}
            </option>
            {choices
              .filter((one) => options !== undefined || one.value !== field.defaultText)
              .map((one) => (
                <option key={one.value} value={one.value}>
                  {one.label}
                </option>
              ))}
          </select>
        ) : (
          <input
            {...common}
            placeholder={field.defaultText}
            inputMode={field.kind === 'integer' ? 'numeric' : field.kind === 'number' ? 'decimal' : 'text'}
            autocomplete="off"
            onInput={(event) => onChange(event.currentTarget.value)}
          />
        )}
        {field.unit !== '' && <span class="unit">{field.unit}</span>}
      </div>
      {fault !== undefined && (
        <p class="fault" id={`${id}-fault`}>
          {fault}
        </p>
      )}
      <p class="help" id={`${id}-help`}>
        {field.help} <code>{field.path}</code>
      </p>
    </div>
  );
}
