// SITE-9: the addresses of the services whose settings a subscriber can change.

/** The part of a service's address that a telephone number replaces. */
const NUMBER = "{number}";

/** True if a service has separate pages for each number. */
export function isForNumber(address: string): boolean {
  return address.includes(NUMBER);
}

/** Returns the address of a service's pages for a number. */
export function addressFor(address: string, number: string): string {
  return address.replace(NUMBER, encodeURIComponent(number));
}
