#include "bench/figures.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace pawl::bench {
namespace {

// Four significant digits: more would say what was not measured.
double rounded(double value) {
  if (value == 0 || !std::isfinite(value)) return 0;
  const double scale = std::pow(10, 3 - std::floor(std::log10(std::abs(value))));
  return std::round(value * scale) / scale;
}

boost::json::value number(double value) {
  const double short_one = rounded(value);
  if (short_one == std::floor(short_one)) return static_cast<std::int64_t>(short_one);
  return short_one;
}

// Boost 1.81 writes every double in scientific notation, which is hard to read.
std::string text_of(const boost::json::value& value) {
  if (value.is_double()) {
    return fmt::format("{}", value.get_double());
  }
  if (value.is_array()) {
    std::string text;
    for (const auto& element : value.get_array()) {
      text += (text.empty() ? "" : ",") + text_of(element);
    }
    return "[" + text + "]";
  }
  if (value.is_object()) {
    std::string text;
    for (const auto& [key, element] : value.get_object()) {
      text += (text.empty() ? "" : ",") + boost::json::serialize(boost::json::value(key)) + ":" +
              text_of(element);
    }
    return "{" + text + "}";
  }
  return boost::json::serialize(value);
}

}  // namespace

double median(std::vector<double> samples) {
  if (samples.empty()) return 0;
  std::ranges::sort(samples);
  const std::size_t half = samples.size() / 2;
  return samples.size() % 2 == 1 ? samples[half] : (samples[half - 1] + samples[half]) / 2;
}

Figures::Measure& Figures::of(std::string_view name) {
  const auto found = std::ranges::find(measures_, name, &Measure::name);
  if (found != measures_.end()) return *found;
  measures_.emplace_back().name = name;
  return measures_.back();
}

void Figures::add(std::string_view measure, std::string_view unit, double sample) {
  Measure& entry = of(measure);
  entry.unit = unit;
  entry.samples.push_back(sample);
}

void Figures::note(std::string_view measure, std::string_view field, boost::json::value value) {
  of(measure).notes[field] = std::move(value);
}

void Figures::add_beside(std::string_view measure, std::string_view field, double sample) {
  of(measure).beside[std::string(field)].push_back(sample);
}

std::string Figures::lines() const {
  std::string text;
  for (const Measure& measure : measures_) {
    boost::json::object line{{"measure", measure.name},
                             {"value", number(median(measure.samples))},
                             {"unit", measure.unit}};
    for (const auto& [field, samples] : measure.beside) line[field] = number(median(samples));
    for (const auto& [field, value] : measure.notes) line[field] = value;
    boost::json::array& samples = line["samples"].emplace_array();
    for (const double sample : measure.samples) samples.push_back(number(sample));
    text += text_of(line) + "\n";
  }
  return text;
}

}  // namespace pawl::bench
