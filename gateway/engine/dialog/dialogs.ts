import { dialogKey, keyOf, type Dialog, type Owner } from './dialog.js';

/** All dialogs, found by the tags of a message from the network and by the app's id. */
export class Dialogs<O extends Owner> {
  readonly #byTags = new Map<string, Dialog<O>>();
  readonly #byId = new Map<string, Dialog<O>>();

  get size(): number {
    return this.#byTags.size;
  }

  add(dialog: Dialog<O>): void {
    this.#byTags.set(keyOf(dialog), dialog);
    this.#byId.set(dialog.id, dialog);
    dialog.flow?.hold();
  }

  /** The dialog that the app means by this id: of several forks, the one heard of last. */
  byId(id: string): Dialog<O> | undefined {
    return this.#byId.get(id);
  }

  byTags(callId: string, localTag: string, remoteTag: string): Dialog<O> | undefined {
    return this.#byTags.get(dialogKey(callId, localTag, remoteTag));
  }

  /** The app's id now means this one of several forks. */
  prefer(dialog: Dialog<O>): void {
    this.#byId.set(dialog.id, dialog);
  }

  /** Idempotent. */
  remove(dialog: Dialog<O>): void {
    dialog.state = 'ended';
    if (this.#byTags.get(keyOf(dialog)) === dialog) {
      this.#byTags.delete(keyOf(dialog));
      dialog.flow?.release();
    }
    if (this.#byId.get(dialog.id) === dialog) this.#byId.delete(dialog.id);
  }

  ownedBy(owner: O): Dialog<O>[] {
    return [...this.#byTags.values()].filter((dialog) => dialog.owner === owner);
  }
}
