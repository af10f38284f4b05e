#include "client/cli/app.h"

int main(int argc, char** argv) {
  return pawl::cli::run(argc, argv);
}
