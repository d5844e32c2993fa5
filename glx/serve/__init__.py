"""`glx serve`: a fitted detector behind HTTP, what it flagged by cause; needs the extra `serve`."""
