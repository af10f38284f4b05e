#include <catch2/catch.hpp>

#include "client/cli/table.h"

namespace pawl::cli {
namespace {

Table sample() {
  Table table({{.title = "NAME", .may_shrink = true},
               {.title = "COUNT", .align = Align::right},
               {.title = "NOTE", .may_shrink = true}});
  table.add({"a name of some length", "7", "short"});
  table.add({"b", "1234567", "a note\nof two lines"});
  return table;
}

TEST_CASE("a table is aligned, and no line has spaces at its end", "[cli][table]") {
  CHECK(sample().text(100) ==
        "NAME                     COUNT  NOTE\n"
        "a name of some length        7  short\n"
        "b                      1234567  a note\\nof two lines\n");
}

TEST_CASE("on a narrow terminal the last columns give way first", "[cli][table]") {
  CHECK(sample().text(42) ==
        "NAME                     COUNT  NOTE\n"
        "a name of some length        7  short\n"
        "b                      1234567  a note\\no\u2026\n");
  CHECK(sample().text(30) ==
        "NAME           COUNT  NOTE\n"
        "a name of \u2026        7  short\n"
        "b            1234567  a note\\\u2026\n");
}

TEST_CASE("programs get tabs and no titles", "[cli][table]") {
  CHECK(sample().tsv() ==
        "a name of some length\t7\tshort\n"
        "b\t1234567\ta note\\nof two lines\n");
}

}  // namespace
}  // namespace pawl::cli
