// A doubly linked list whose links live in its elements: no allocation, and an element can leave from anywhere in O(1).
//
// An element derives from ListLink<Tag> once for each kind of list that it can be on, and is on at most one list of
// that kind. The list owns nothing: elements must leave it before they end.
#pragma once

#include "base/assert.h"

namespace penstock {

template <class Tag>
class ListLink {
public:
    ListLink() = default;
    ListLink(const ListLink&) = delete;
    ListLink& operator=(const ListLink&) = delete;

    bool linked() const { return next_ != nullptr; }

    /// Leaves the list that it is on, if any.
    void unlink() {
        if (next_ == nullptr) return;
        next_->previous_ = previous_;
        previous_->next_ = next_;
        next_ = previous_ = nullptr;
    }

private:
    template <class, class>
    friend class IntrusiveList;
    ListLink* next_ = nullptr;
    ListLink* previous_ = nullptr;
};

template <class T, class Tag>
class IntrusiveList {
    using Link = ListLink<Tag>;

public:
    IntrusiveList() { root_.next_ = root_.previous_ = &root_; }
    IntrusiveList(const IntrusiveList&) = delete;
    IntrusiveList& operator=(const IntrusiveList&) = delete;

    bool empty() const { return root_.next_ == &root_; }

    void push_back(T& element) { insert_before(root_, element); }
    void push_front(T& element) { insert_before(*root_.next_, element); }

    /// Null when empty.
    T* front() { return empty() ? nullptr : element_of(*root_.next_); }

    T* pop_front() {
        T* first = front();
        if (first != nullptr) static_cast<Link*>(first)->unlink();
        return first;
    }

    /// The element after `element`, null after the last.
    T* next(T& element) {
        Link* link = static_cast<Link&>(element).next_;
        return link == &root_ ? nullptr : element_of(*link);
    }

    /// Moves all elements of `other` behind ours, in order.
    void take(IntrusiveList& other) {
        if (other.empty()) return;
        Link* first = other.root_.next_;
        Link* last = other.root_.previous_;
        other.root_.next_ = other.root_.previous_ = &other.root_;
        first->previous_ = root_.previous_;
        root_.previous_->next_ = first;
        last->next_ = &root_;
        root_.previous_ = last;
    }

private:
    static T* element_of(Link& link) { return static_cast<T*>(&link); }

    void insert_before(Link& place, T& element) {
        Link& link = element;
        PENSTOCK_ASSERT(!link.linked());
        link.next_ = &place;
        link.previous_ = place.previous_;
        place.previous_->next_ = &link;
        place.previous_ = &link;
    }

    Link root_;
};

}  // namespace penstock
