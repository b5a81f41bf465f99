// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/host/counting_frames.hpp>
#include <axhal/policy/paging.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace axhal::test {

/// A translation hardware of the worst kind: it caches every translation and every step of every walk the moment they
/// exist, and forgets nothing that it is not told to. It complains about what a program may not do to such hardware.
///
/// Where the format says `caches_absent` it remembers absent entries too.
///
/// Watches a few `pages` of the input. Reads tables by the policy's functions alone, with a walk of its own.
template <typename P, std::size_t Frames>
class paging_machine {
 public:
  using input_address = typename P::input_address;

  struct leaf {
    std::uint64_t start{};
    unsigned level{};
    host_phys target{};
    page_attributes attributes{};
    auto key() const { return std::tuple{start, level, target.value, attributes.rights, attributes.type}; }
    friend bool operator<(leaf const& a, leaf const& b) { return a.key() < b.key(); }
    friend bool operator==(leaf const& a, leaf const& b) { return a.key() == b.key(); }
  };

  /// The frame source of the tables: complains when a frame comes back that a walk may still reach.
  class frame_source {
   public:
    explicit frame_source(paging_machine& m) : machine_{&m} {}
    result<host_phys, frame_error> allocate(std::size_t n, std::size_t a) { return machine_->frames.allocate(n, a); }
    result<void, frame_error> release(host_phys run, std::size_t n) {
      if (machine_->cached_tables_.contains(run.value))
        machine_->complain("a table was released that a walk may reach");
      if (machine_->pending_) machine_->complain("a frame was released before the invalidation was complete");
      return machine_->frames.release(run, n);
    }
    void* pointer(host_phys p) const { return machine_->frames.pointer(p); }

   private:
    paging_machine* machine_;
  };

  /// The maintenance of the tables.
  class tlb {
   public:
    explicit tlb(paging_machine& m) : machine_{&m} {}
    void publish() {
      machine_->observe();
      ++machine_->published;
    }
    void invalidate(stale_range<input_address> r) { machine_->invalidate(r); }
    void invalidate_all() { machine_->invalidate_all(); }
    void complete() {
      machine_->observe();
      machine_->pending_ = false;
    }

   private:
    paging_machine* machine_;
  };

  explicit paging_machine(std::vector<std::uint64_t> pages) : pages_{std::move(pages)} {}

  /// Which table the hardware walks.
  void use(host_phys root) {
    root_ = root;
    in_use_ = true;
    observe();
  }
  void leave() {
    invalidate_all();
    pending_ = false;
    in_use_ = false;
    cached_tables_.clear();
  }

  /// The hardware looks at everything. Complains about two translations of one page that may not meet in a TLB.
  void observe() {
    if (!in_use_) return;
    collect_tables(root_, P::levels - 1, 0);
    for (std::uint64_t const page : pages_) {
      leaf now{};
      if (!walk(page, now)) {
        if (P::caches_absent) cached_absent_.insert({now.start, now.level});
        continue;
      }
      auto& known = cached_[page];
      for (leaf const& old : known) {
        bool const conflict = old.level != now.level || old.target != now.target || old.start != now.start ||
                              old.attributes.type != now.attributes.type;
        if (P::break_before_make && conflict) complain("an entry was replaced without a break");
      }
      known.insert(now);
    }
  }

  /// After an operation: nothing is cached that the tables do not say.
  void check_settled() {
    observe();
    if (pending_) complain("an invalidation was begun and not completed");
    for (std::uint64_t const page : pages_) {
      leaf now{};
      bool const mapped = walk(page, now);
      for (leaf const& old : cached_[page]) {
        if (!mapped || !(old == now)) complain("a stale translation was left in the TLB");
      }
    }
    for (auto const& [start, level] : cached_absent_) {
      leaf now{};
      if (walk(start, now) || now.level < level) complain("an entry that was made is remembered as absent");
    }
    std::map<std::uint64_t, table_place> const reachable = tables_from_root();
    for (auto const& [frame, place] : cached_tables_) {
      if (!reachable.contains(frame)) complain("a stale table was left in the walk cache");
    }
  }

  /// Every entry of every table, in order: two equal snapshots are equal tables.
  std::vector<typename P::entry> snapshot() const {
    std::vector<typename P::entry> all;
    dump(root_, P::levels - 1, all);
    return all;
  }

  /// The frames of all tables that can be reached; complains about an empty one below the root.
  std::size_t count_frames() { return frames_of_root() + tables_from_root().size() - 1; }

  /// False when an entry was absent; then `found` tells which one.
  bool walk(std::uint64_t input, leaf& found) const {
    host_phys table = root_;
    for (unsigned level = P::levels - 1;; --level) {
      auto const e = entries(table)[(input >> shift(level)) & mask(level)];
      std::uint64_t const start = input >> shift(level) << shift(level);
      if (!P::is_present(e)) {
        found = {start, level, {}, {}};
        return false;
      }
      if (P::is_leaf(e, level)) {
        found = {start, level, P::target(e, level), P::attributes(e)};
        return true;
      }
      table = P::target(e, level);
    }
  }

  static constexpr unsigned shift(unsigned level) {
    unsigned bits = 12;
    for (unsigned i = 0; i < level; ++i) bits += P::index_bits(i);
    return bits;
  }

  host::counting_frames<Frames> frames{};
  std::vector<std::string> complaints{};
  std::size_t published{};

 private:
  struct table_place {
    std::uint64_t start;
    unsigned level;
  };

  static std::uint64_t mask(unsigned level) { return (std::uint64_t{1} << P::index_bits(level)) - 1; }
  static std::size_t frames_of_root() {
    std::size_t const bytes = std::size_t{8} << P::index_bits(P::levels - 1);
    return bytes < 4096 ? 1 : bytes / 4096;
  }
  typename P::entry const* entries(host_phys table) const {
    return static_cast<typename P::entry const*>(frames.pointer(table));
  }
  void complain(char const* what) {
    if (complaints.size() < 16) complaints.emplace_back(what);
  }

  void dump(host_phys table, unsigned level, std::vector<typename P::entry>& all) const {
    for (std::uint64_t i = 0; i <= mask(level); ++i) {
      auto const e = entries(table)[i];
      all.push_back(e);
      if (P::is_present(e) && !P::is_leaf(e, level)) dump(P::target(e, level), level - 1, all);
    }
  }

  template <typename F>
  void each_table(host_phys table, unsigned level, std::uint64_t start, F&& f) {
    f(table, level, start);
    if (level == 0) return;
    for (std::uint64_t i = 0; i <= mask(level); ++i) {
      auto const e = entries(table)[i];
      if (P::is_present(e) && !P::is_leaf(e, level)) {
        each_table(P::target(e, level), level - 1, start + (i << shift(level)), f);
      }
    }
  }
  void collect_tables(host_phys table, unsigned level, std::uint64_t start) {
    each_table(table, level, start, [&](host_phys t, unsigned l, std::uint64_t s) {
      cached_tables_.insert_or_assign(t.value, table_place{s, l});
    });
  }
  std::map<std::uint64_t, table_place> tables_from_root() {
    std::map<std::uint64_t, table_place> found;
    each_table(root_, P::levels - 1, 0, [&](host_phys t, unsigned l, std::uint64_t s) {
      found.insert_or_assign(t.value, table_place{s, l});
      bool empty = true;
      for (std::uint64_t i = 0; i <= mask(l); ++i) empty = empty && !P::is_present(entries(t)[i]);
      if (empty && t != root_) complain("an empty table was kept");
    });
    return found;
  }

  void invalidate(stale_range<input_address> r) {
    observe();
    pending_ = true;
    if (r.step == 0 || (r.step & (r.step - 1)) != 0 || r.start.value % r.step != 0 || r.size % r.step != 0 ||
        r.size == 0) {
      return complain("a malformed range was invalidated");
    }
    for (auto& [page, known] : cached_) {
      std::erase_if(known, [&](leaf const& l) { return is_hit(r, l.start, shift(l.level)); });
    }
    // Without cached walks only those go in whose place there is a leaf now.
    std::erase_if(cached_absent_, [&](auto const& a) {
      leaf now{};
      bool const is_leaf_now = walk(a.first, now) && now.level == a.second;
      return is_hit(r, a.first, shift(a.second)) && (!r.last_level || is_leaf_now);
    });
    if (!r.last_level) {
      // A table at level l is named by an entry that covers shift(l + 1) bits.
      std::erase_if(cached_tables_, [&](auto const& t) {
        return t.second.level + 1 < P::levels && is_hit(r, t.second.start, shift(t.second.level + 1));
      });
    }
    observe();
  }
  void invalidate_all() {
    observe();
    pending_ = true;
    cached_.clear();
    cached_absent_.clear();
    cached_tables_.clear();
    observe();
  }
  /// True when one of the single requests of `r` falls into the block at `start`.
  static bool is_hit(stale_range<input_address> const& r, std::uint64_t start, unsigned bits) {
    std::uint64_t const last = start + (std::uint64_t{1} << bits) - 1;
    std::uint64_t const r_last = r.start.value + (r.size - 1);
    if (r_last < start || last < r.start.value) return false;
    std::uint64_t const from = start <= r.start.value ? 0 : (start - r.start.value + r.step - 1) / r.step;
    std::uint64_t const request = r.start.value + from * r.step;
    return request >= r.start.value && request <= last && request <= r_last;
  }

  std::vector<std::uint64_t> pages_;
  host_phys root_{};
  bool in_use_{};
  bool pending_{};
  std::map<std::uint64_t, std::set<leaf>> cached_{};
  std::set<std::pair<std::uint64_t, unsigned>> cached_absent_{};  ///< where an entry starts, and its level
  std::map<std::uint64_t, table_place> cached_tables_{};
};

}  // namespace axhal::test
