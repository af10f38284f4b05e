#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

namespace pawl::bench {

double median(std::vector<double> samples);

// The samples of every measure of a run, and what stands beside them.
class Figures {
 public:
  // Adds a sample; the median of all is the measure's value.
  void add(std::string_view measure, std::string_view unit, double sample);
  // Sets a context field of a measure that has a sample.
  void note(std::string_view measure, std::string_view field, boost::json::value value);
  // Adds a sample of a context field, which is shown as a median too.
  void add_beside(std::string_view measure, std::string_view field, double sample);

  // A JSON object a line, in the order in which the measures came.
  std::string lines() const;

 private:
  struct Measure {
    std::string name;
    std::string unit;
    std::vector<double> samples;
    std::map<std::string, std::vector<double>, std::less<>> beside;
    boost::json::object notes;
  };
  Measure& of(std::string_view name);

  std::vector<Measure> measures_;
};

}  // namespace pawl::bench
