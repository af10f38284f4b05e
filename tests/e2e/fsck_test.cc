#include <algorithm>
#include <fstream>
#include <map>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <catch2/catch.hpp>

#include "tests/e2e/site.h"

namespace pawl::test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t kLargeBytes = 20'000;  // Its value is a blob.

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// A stopped broker's directory with large jobs, each in a batch of its own.
struct Large {
  explicit Large(int jobs = 8) {
    for (int i = 0; i < jobs; ++i) {
      ids.push_back(site.client.enqueue(
          "note", std::string(kLargeBytes, static_cast<char>('a' + i)), Options().queue("main")));
    }
    REQUIRE(site.broker.stop() == 0);
    site.broker.start();  // What was in the log is in table files now.
    REQUIRE(site.broker.stop() == 0);
  }

  std::vector<fs::path> files(const char* extension) const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(fs::path(site.data()) / "db")) {
      if (entry.path().extension() == extension) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  // In the middle of the payload of the job with that letter.
  void damage_payload_of(char letter) const {
    for (const fs::path& file : files(".blob")) {
      std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(stream)),
                              std::istreambuf_iterator<char>());
      const std::size_t at = bytes.find(std::string(1'000, letter));
      if (at == std::string::npos) continue;
      stream.seekp(static_cast<std::streamoff>(at + 500));
      stream.put('#');
      damaged = file;
      return;
    }
    FAIL("no file has the payload");
  }
  Finished fsck() const { return site.pawld({"fsck", site.data()}); }

  Site site;
  std::vector<JobId> ids;
  mutable fs::path damaged;
};

// Every file below with its bytes.
std::map<std::string, std::string> contents(const fs::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream stream(entry.path(), std::ios::binary);
    files[entry.path().string()] =
        std::string((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  }
  return files;
}

}  // namespace

TEST_CASE("fsck goes on behind a damaged payload and tells which jobs and which file it hits",
          "[e2e][offline]") {
  const Large large;
  large.damage_payload_of('b');
  large.damage_payload_of('f');

  const Finished text = large.fsck();
  CHECK(text.status == 1);
  for (std::size_t i = 0; i < large.ids.size(); ++i) {
    const bool hit = i == 1 || i == 5;
    CHECK(contains(text.out, "batch " + large.ids[i].to_string() + ", part 0") == hit);
  }
  CHECK(contains(text.out, large.damaged.filename().string()));

  const Finished told = large.site.pawld({"fsck", large.site.data(), "-o", "json"});
  CHECK(json::parse(told.out).at("unreadable_count").to_number<int>() == 2);
  const Finished inspected = large.site.pawld({"inspect", large.site.data()});
  CHECK(inspected.status == 1);
  CHECK(contains(inspected.err, "pawld fsck"));
}

TEST_CASE("a broker that ends over a damaged payload names the file and does not advise a restart",
          "[e2e][offline]") {
  Large large;
  large.damage_payload_of('a');
  large.site.broker.launch({});

  const auto answer =
      Client(large.site.options()).try_get(large.ids[0], View::full, Deadline(kSoon));

  CHECK_FALSE(answer);
  CHECK(large.site.broker.process().wait(kSoon) == 1);
  const std::string log = large.site.broker.log();
  CAPTURE(log);
  CHECK(contains(log, large.damaged.filename().string()));
  CHECK(contains(log, "pawld fsck " + large.site.data()));
  CHECK_FALSE(contains(log, "start again"));
}

TEST_CASE("fsck names every damaged table file of a directory that cannot be opened",
          "[e2e][offline]") {
  const Large large;
  std::vector<fs::path> tables = large.files(".sst");
  REQUIRE(tables.size() > 2);
  tables.resize(2);
  for (const fs::path& table : tables) fs::resize_file(table, fs::file_size(table) / 2);

  const Finished checked = large.fsck();

  CAPTURE(checked.out);
  CHECK(checked.status == 1);
  for (const fs::path& table : tables) CHECK(contains(checked.out, table.string() + ": "));

  const Finished broker = run({PAWL_PAWLD, "--data-dir", large.site.data()});
  CAPTURE(broker.err);
  CHECK(broker.status == 1);
  for (const fs::path& table : tables) {
    CHECK(contains(broker.err, table.string() + " is damaged"));
  }
}

TEST_CASE("inspect and fsck write nothing, whatever only the log holds", "[e2e][offline]") {
  Site site;
  site.client.enqueue("note", std::string(kLargeBytes, 'x'), Options().queue("main"));
  site.broker.kill();
  const auto before = contents(site.data());

  CHECK(site.pawld({"fsck", site.data()}).status == 0);
  const Finished shown = site.pawld({"inspect", site.data(), "-o", "json"});

  CHECK(json::parse(shown.out).at("batches").to_number<int>() == 1);
  CHECK(contents(site.data()) == before);
}

TEST_CASE("inspect and fsck tell why a directory cannot be looked at", "[e2e][offline]") {
  const Large large(1);
  const auto told = [&](const char* command, const std::string& directory) {
    const Finished refused = large.site.pawld({command, directory});
    CHECK(refused.status == 2);
    return refused.err;
  };
  for (const char* command : {"inspect", "fsck"}) {
    CHECK(contains(told(command, large.site.path("nowhere")), "No such file or directory"));
    CHECK(contains(told(command, large.site.path(".")), "is no data directory of pawld"));
  }

  fs::remove(fs::path(large.site.data()) / "db" / "CURRENT");
  const Finished checked = large.fsck();
  CHECK(checked.status == 1);
  CHECK(contains(checked.out, "CURRENT is missing, but"));
  const Finished inspected = large.site.pawld({"inspect", large.site.data()});
  CHECK(inspected.status == 1);
  CHECK(contains(inspected.err, "CURRENT is missing, but"));
}

TEST_CASE("an output format that inspect and fsck do not have is refused in our words",
          "[e2e][offline]") {
  for (const char* command : {"inspect", "fsck"}) {
    const Finished refused = run({PAWL_PAWLD, command, "nowhere", "-o", "yaml"});
    CHECK(refused.status == 2);
    CHECK(refused.err == "error: --output: \"yaml\" is not one of text|json\nhint: pawld " +
                             std::string(command) + " --help\n");
  }
}

TEST_CASE("nobody else can read what a broker keeps, though the directory was there before",
          "[e2e][offline]") {
  const TempDirectory directory;
  const fs::path data = directory.path() / "data";
  fs::create_directories(data / "db");
  fs::permissions(data, fs::perms(0755));
  fs::permissions(data / "db", fs::perms(0755));
  BrokerProcess broker(PAWL_PAWLD, directory.path());
  CHECK(broker.stop() == 0);

  CHECK(fs::status(data / "db").permissions() == fs::perms::owner_all);
  for (const auto& entry : fs::recursive_directory_iterator(data)) {
    CAPTURE(entry.path());
    CHECK((entry.status().permissions() & fs::perms(0077)) == fs::perms::none);
  }
}

}  // namespace pawl::test
