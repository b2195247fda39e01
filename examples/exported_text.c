/* Goes on with a text by an exported language model of characters.

     elman train language-model book.txt --out runs/mine
     elman export runs/mine --to c --name reader --out shipped
     cc -O2 -I shipped examples/exported_text.c -lm -o text && ./text 3 14 1 5

   It reads the numbers of characters, as metadata.json lists them, and prints those that the network finds most
   probable after them. A state is a plain struct: keep one for each stream. */
#include <stdio.h>
#include <stdlib.h>

#include "reader.h"

enum { NUMBER = 40 };

static int most_probable(const float *y) {
  int best = 0;
  for (int k = 1; k < READER_OUTPUTS; ++k)
    if (y[k] > y[best]) best = k;
  return best;
}

int main(int count, char **words) {
  reader_state state;
  float y[READER_OUTPUTS] = {0};
  reader_reset(&state);
  for (int k = 1; k < count; ++k) {
    const int id = atoi(words[k]);
    if (id < 0 || id >= READER_IDS) {
      fprintf(stderr, "ids must lie in [0, %d]. Got %s.\n", READER_IDS - 1, words[k]);
      return 2;
    }
    reader_step(&state, id, y);
  }
  for (int k = 0; k < NUMBER; ++k) {
    const int id = most_probable(y);
    printf("%d\n", id);
    reader_step(&state, id, y);
  }
  return 0;
}
