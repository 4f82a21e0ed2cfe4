setUpPlots();
setUpGallery();
