update orders
  set tag = {{ tga }};
