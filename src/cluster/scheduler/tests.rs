//! The rules of the scheduler, each as a story.
