/** Base of what a caller of `Tokenize` can mend. */
abstract class TokenizeError extends Error {
  readonly exitCode = 64;
  readonly remedy: string;
  constructor(message: string, remedy: string) {
    super(message);
    this.name = new.target.name;
    this.remedy = remedy;
  }
}

/** Thrown when a call has no pictures, or more than the service takes at once. */
export class WrongNumberOfPictures extends TokenizeError {}

/** Thrown when one of a call's pictures cannot be used; the message says which, counted from 0. */
export class UnusablePicture extends TokenizeError {}

/** Thrown when a call names no tokenizer and the service was started without one. */
export class NoTokenizer extends TokenizeError {}

/** Thrown when the features to be clustered have another grid than the patches whose tokens they are to be. */
export class FeaturesWithoutGrid extends Error {
  override readonly name = "FeaturesWithoutGrid";
  readonly exitCode = 64;
  readonly remedy = "Name another layer last in codebook.loss.layers, or another perceptual network.";
  readonly path = "codebook.loss.layers";
  constructor(layer: number, side: number, grid: number) {
    super(
      `layer ${layer} of the perceptual network has ${side} x ${side} places, and a picture ${grid} x ${grid} patches`,
    );
  }
}
