// Uses a page only with the keyboard.

import type { Locator, Page } from "playwright-core";
import { expect } from "vitest";

/** Elements that can have the focus. */
type Role = "link" | "button" | "textbox" | "radio";

/** Uses a page only with the keyboard. */
export class Keys {
  constructor(readonly page: Page) {}

  /** Presses Tab until the element with this name has the focus, and checks that the focus is visible. */
  async to(role: Role, name: string): Promise<void> {
    // The name of the button that shows a password contains the name of the password field.
    const wanted =
      role === "textbox"
        ? this.page.getByLabel(name, { exact: true })
        : this.page.getByRole(role, { name, exact: role !== "radio" }).last();
    await wanted.waitFor();
    for (let presses = 0; presses < 60; presses++) {
      await this.page.keyboard.press("Tab");
      if (await focused(wanted)) {
        const outline = await wanted.evaluate((element) => getComputedStyle(element).outlineStyle);
        expect(outline, `${name} shows that it has the focus`).not.toBe("none");
        return;
      }
    }
    throw new Error(`${name} does not get the focus after 60 presses of Tab`);
  }

  /** Moves the focus to a field and replaces its content. */
  async type(field: string, text: string): Promise<void> {
    await this.to("textbox", field);
    await this.page.keyboard.press("Control+A");
    await this.page.keyboard.type(text);
  }

  /** Moves the focus to a link or a button and presses it. */
  async press(role: "link" | "button", name: string): Promise<void> {
    await this.to(role, name);
    await this.page.keyboard.press("Enter");
  }

  async key(key: string): Promise<void> {
    await this.page.keyboard.press(key);
  }

  /** Waits until the heading has the focus. A screen reader starts to read there. */
  async atHead(): Promise<void> {
    await this.page.waitForFunction(() => document.activeElement?.tagName === "H1");
  }
}

/** True if an element has the focus. */
export function focused(element: Locator): Promise<boolean> {
  return element.evaluate((it) => it === document.activeElement);
}
